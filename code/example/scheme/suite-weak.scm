;;; suite-weak.scm -- the suite's part about weak tables
;;;
;;; Loaded by suite.scm after suite-memory.scm, whose procedures it uses.
;;;
;;; Design: .example.weak (design/example.rst).

(define kept (map list (iota 20)))

(define weak-kinds
  (list make-key-weak-eq-hash-table make-value-weak-eq-hash-table
        make-doubly-weak-eq-hash-table make-ephemeron-eq-hash-table))

;;; Entries whose keys and values are kept or dropped: 20 with each of the
;;; 4 combinations.  Their keys and values are all different lists.
(define kept-values (map (lambda (i) (list 'value i)) (iota 40)))
(define kept-keys (map (lambda (i) (list 'key i)) (iota 40)))
(define (fill-table make)
  (let ((t (make)))
    (times 20 (lambda (i)
                (hash-table-set! t (list-ref kept-keys i)
                                 (list-ref kept-values i))
                (hash-table-set! t (list-ref kept-keys (+ i 20))
                                 (list 'dropped i))))
    (times 20 (lambda (i)
                (hash-table-set! t (list 'dropped i)
                                 (list-ref kept-values (+ i 20)))
                (hash-table-set! t (list 'dropped (+ i 20))
                                 (list 'dropped (+ i 20)))))
    t))

;;; How many of each combination are left, after a collection: 20 stands for
;;; all, 0 for nearly none.
(define (left-in t)
  (define (count key-kept? value-kept?)
    (let ((n (length (filter
                      (lambda (entry)
                        (and (eq? (eq? (caar entry) 'key) key-kept?)
                             (eq? (eq? (cadr entry) 'value) value-kept?)))
                      (hash-table->alist t)))))
      (if (<= n 4) 0 n)))
  (gc)
  (list (count #t #t) (count #t #f) (count #f #t) (count #f #f)))

;;; What holds of all tables
(define (behaves? make weakness)
  (let ((t (make)) (k (car kept)))
    (hash-table-set! t k 'one)
    (hash-table-set! t k 'two)
    (hash-table-set! t 'symbol 3)
    (hash-table-set! t 7 'seven)
    (gc)
    (let ((found (list (hash-table-count t)
                       (hash-table-ref/default t k #f)
                       (hash-table-ref/default t (list 0 0) #f)
                       (hash-table-delete! t 'symbol)
                       (hash-table-delete! t 'symbol)
                       (hash-table-count t)
                       (hash-table-weakness (hash-table-copy t))
                       (hash-table-count (hash-table-copy t)))))
      (hash-table-clear! t)
      (equal? (list found (hash-table-count t) (hash-table->alist t))
              (list (list 3 'two #f #t #f 2 weakness 2) 0 '())))))

(section "weak tables")
(check (behaves? make-eq-hash-table #f) #t)
(check (behaves? make-key-weak-eq-hash-table 'key) #t)
(check (behaves? make-value-weak-eq-hash-table 'value) #t)
(check (behaves? make-doubly-weak-eq-hash-table 'both) #t)
(check (behaves? make-key-weak-equal-hash-table 'key) #t)
(check (behaves? make-value-weak-equal-hash-table 'value) #t)
(check (behaves? make-doubly-weak-equal-hash-table 'both) #t)

(check (left-in (fill-table make-eq-hash-table)) '(20 20 20 20))
(check (left-in (fill-table make-key-weak-eq-hash-table)) '(20 20 0 0))
(check (left-in (fill-table make-value-weak-eq-hash-table)) '(20 0 20 0))
(check (left-in (fill-table make-doubly-weak-eq-hash-table)) '(20 0 0 0))
(check (left-in (fill-table make-key-weak-equal-hash-table)) '(20 20 0 0))
(check (left-in (fill-table make-value-weak-equal-hash-table)) '(20 0 20 0))
(check (left-in (fill-table make-doubly-weak-equal-hash-table)) '(20 0 0 0))

;; What isn't an object never dies
(define (immediates-stay? make)
  (let ((t (make)))
    (for-each (lambda (k) (hash-table-set! t k k)) '(1 #\a #t () symbol))
    (gc)
    (equal? (map (lambda (k) (hash-table-ref/default t k 'gone))
                 '(1 #\a #t () symbol))
            '(1 #\a #t () symbol))))
(check (map immediates-stay? weak-kinds)
       '(#t #t #t #t))

;; ... and keeps its value
(define (kept-by-immediates make)
  (let ((t (make)))
    (for-each (lambda (k) (hash-table-set! t k (list 'value k)))
              '(1 #\a #t () symbol))
    (gc)
    (gc)
    (make-vector 10000 0)
    (map (lambda (k) (hash-table-ref/default t k 'gone))
         '(1 #\a #t () symbol))))
(check (map kept-by-immediates
            (list make-key-weak-eq-hash-table make-ephemeron-eq-hash-table))
       (make-list 2 (map (lambda (k) (list 'value k)) '(1 #\a #t () symbol))))

;; Keys of each kind die
(define (dies? make-key)
  (let ((t (make-key-weak-eq-hash-table)))
    (times 20 (lambda (i) (hash-table-set! t (make-key i) i)))
    (gc)
    (<= (hash-table-count t) 4)))
(check (map dies? (list (lambda (i) (make-string 5 #\a)) vector
                        (lambda (i) (+ i 0.5)) (lambda (i) (lambda () i))
                        (lambda (i) (make-point i i)) (lambda (i) (gensym))
                        (lambda (i) (make-bytevector 3 i))))
       '(#t #t #t #t #t #t #t))

;; The value of a dead key dies too
(define (values-given make)
  (new-guardian!)
  (let ((t (make)))
    (times 20 (lambda (i)
                (let ((value (list 'value i)))
                  (g value)
                  (hash-table-set! t (list i) value))))
    (gc)
    (gc)
    (let ((given (length (drain g))))
      (and (<= (hash-table-count t) 4) (nearly given 20)))))
(check (values-given make-key-weak-eq-hash-table) #t)

;; A value that refers to its key keeps it, but not in an ephemeron
(define (with-cycles make)
  (let ((t (make)))
    (times 20 (lambda (i)
                (let ((key (list i)))
                  (hash-table-set! t key (vector key)))))
    (gc)
    (gc)
    (hash-table-count t)))
(check (with-cycles make-key-weak-eq-hash-table) 20)
(check (<= (with-cycles make-doubly-weak-eq-hash-table) 4) #t)

;; An object that is guarded dies only when its guardian has given it away
(new-guardian!)
(define t1 (make-key-weak-eq-hash-table))
(drop 20 (lambda (i)
           (let ((key (list i)))
             (hash-table-set! t1 key i)
             key))
      g)
(set! saved (guarded-after-gc g))
(check (list (nearly (length saved) 20)
             (every (lambda (k) (eqv? (hash-table-ref/default t1 k #f)
                                      (car k)))
                    saved))
       '(#t #t))
(forget-saved!)
(check (begin (gc) (gc) (<= (hash-table-count t1) 4)) #t)

;; A guardian that nobody can ask takes its objects with it
(define t1 (make-key-weak-eq-hash-table))
(drop 20 (lambda (i)
           (let ((guardian (make-guardian)) (key (list i)))
             (guardian key)
             (hash-table-set! t1 key i))))
(check (begin (gc) (gc) (gc) (<= (hash-table-count t1) 4)) #t)

;; Keys move; and room is used again
(define (survives? make)
  (let ((t (make)))
    (times 400 (lambda (i)
                 (hash-table-set! t (list i) (vector i))
                 (if (= (modulo i 20) 0)
                     (let ((k (list-ref kept (quotient i 20))))
                       (hash-table-set! t k k)
                       (gc)))))
    (and (every (lambda (k) (eq? (hash-table-ref/default t k #f) k)) kept)
         (< (hash-table-count t) 60))))
(check-large (map survives? weak-kinds)
             '(#t #t #t #t))

;; A table that is dropped goes with all that it holds
(define (drop-tables make)
  (new-guardian!)
  (times 20 (lambda (i)
              (let ((t (make)))
                (g t)
                (hash-table-set! t t t))))
  (nearly (length (guarded-after-gc g)) 20))
(check (map drop-tables weak-kinds)
       '(#t #t #t #t))
