;;; paraffins.scm -- how many paraffins have n carbon atoms
;;;
;;; Not by arithmetic but by making them all: radicals of each size are kept
;;; in a vector, and molecules are put together from them around a bond or
;;; around a carbon atom.

(define (radical? r) (or (eq? r 'h) (vector? r)))

;;; All ways to write m as a sum of three numbers, each at most the next.
(define (three-partitions m)
  (append-map
   (lambda (nc1)
     (map (lambda (nc2) (list nc1 nc2 (- m nc1 nc2)))
          (range nc1 (quotient (- m nc1) 2))))
   (range 0 (quotient m 3))))


(define (range from to)
  (if (> from to) '() (cons from (range (+ from 1) to))))

;;; The tails of a list, so that a combination is taken in one order only.
(define (tails list)
  (if (null? list) '() (cons list (tails (cdr list)))))

;;; Choices from the lists of the sizes.  Where two sizes are the same, the
;;; second radical comes from the same place in the list or a later one.
(define (choose sizes radicals)
  (let loop ((sizes sizes) (previous #f) (rest '()))
    (if (null? sizes)
        '(())
        (let ((list (if (eqv? (car sizes) previous)
                        rest
                        (vector-ref radicals (car sizes)))))
          (append-map
           (lambda (tail)
             (map (lambda (others) (cons (car tail) others))
                  (loop (cdr sizes) (car sizes) tail)))
           (tails list))))))

(define (make-radicals n)
  (let ((radicals (make-vector (+ n 1) '())))
    (vector-set! radicals 0 '(h))
    (do ((i 1 (+ i 1)))
        ((> i n) radicals)
      (vector-set! radicals i
                   (append-map
                    (lambda (sizes)
                      (map list->vector (choose sizes radicals)))
                    (three-partitions (- i 1)))))))

;;; Two radicals of half the size each.
(define (bond-centred n radicals)
  (if (even? n)
      (choose (list (quotient n 2) (quotient n 2)) radicals)
      '()))

;;; Four radicals, none with half of the carbon atoms or more.
(define (carbon-centred n radicals)
  (append-map
   (lambda (sizes) (choose sizes radicals))
   (filter (lambda (sizes) (< (* 2 (last sizes)) n))
           (all-four-partitions (- n 1)))))

(define (all-four-partitions m)
  (append-map
   (lambda (largest)
     (map (lambda (three) (append three (list largest)))
          (filter (lambda (three) (<= (last three) largest))
                  (three-partitions (- m largest)))))
   (range 0 m)))

(define (paraffins n)
  (let ((radicals (make-radicals (quotient n 2))))
    (map (lambda (i)
           (if (= i 0)
               1
               (+ (length (bond-centred i radicals))
                  (length (carbon-centred i radicals)))))
         (iota (+ n 1)))))
