;;; suite-ephemeron.scm -- the suite's part about ephemerons
;;;
;;; Loaded by suite.scm after suite-weak.scm, whose procedures it uses.
;;;
;;; Design: .example.weak.ephemeron (design/example.rst).

(section "ephemerons")
(check (behaves? make-ephemeron-eq-hash-table 'ephemeron) #t)
(check (behaves? make-ephemeron-equal-hash-table 'ephemeron) #t)
(check (left-in (fill-table make-ephemeron-eq-hash-table)) '(20 20 0 0))
(check (left-in (fill-table make-ephemeron-equal-hash-table)) '(20 20 0 0))
(check (values-given make-ephemeron-eq-hash-table) #t)
(check (<= (with-cycles make-ephemeron-eq-hash-table) 4) #t)

;; In a chain: the value of each is the key of the next
(define (chain-table n)
  (let ((t (make-ephemeron-eq-hash-table)) (first (list 0)))
    (let loop ((i 1) (key first))
      (if (< i n)
          (let ((next (list i)))
            (hash-table-set! t key next)
            (loop (+ i 1) next))))
    (cons first t)))
(define chain (chain-table 50))
(check (begin (gc) (hash-table-count (cdr chain))) 49)
(check (let loop ((key (car chain)) (n 0))
         (let ((next (hash-table-ref/default (cdr chain) key #f)))
           (if next (loop next (+ n 1)) n)))
       49)
(set-car! chain #f)
(check (begin (gc) (<= (hash-table-count (cdr chain)) 4)) #t)
(check-large (let ((chain (chain-table 20000)))
               (gc)
               (list (hash-table-count (cdr chain)) (caar chain)))
             '(19999 0))

;; Two tables, in each of which the value is a key of the other
(define t1 (make-ephemeron-eq-hash-table))
(define t2 (make-ephemeron-eq-hash-table))
(times 20 (lambda (i)
            (let ((a (list 'a i)) (b (list 'b i)))
              (hash-table-set! t1 a b)
              (hash-table-set! t2 b a))))
(check (begin (gc) (and (<= (hash-table-count t1) 4)
                        (<= (hash-table-count t2) 4)))
       #t)

;; The value dies with its key, and not before
(define t1 (make-ephemeron-eq-hash-table))
(times 20 (lambda (i) (hash-table-set! t1 (list-ref kept i) (list 'value i))))
(check (begin (gc) (gc)
              (map (lambda (k) (hash-table-ref/default t1 k #f)) kept))
       (map (lambda (i) (list 'value i)) (iota 20)))

;; A key that is guarded keeps its value until it has been given away
(new-guardian!)
(define t1 (make-ephemeron-eq-hash-table))
(drop 20 (lambda (i)
           (let ((key (list i)))
             (hash-table-set! t1 key (vector key))
             key))
      g)
(set! saved (guarded-after-gc g))
(check (list (nearly (length saved) 20)
             (every (lambda (k)
                      (eq? k (vector-ref (hash-table-ref t1 k) 0)))
                    saved))
       '(#t #t))
(forget-saved!)
(check (begin (gc) (gc) (<= (hash-table-count t1) 4)) #t)
