;;; tables.scm -- hash tables on all kinds of keys
;;;
;;; The eq table on pairs is the hard one: its hashes are addresses, and the
;;; collector changes them.

;;; The start below n of the longest sequence of Collatz, and its length.
(define (collatz n)
  (let ((lengths (make-eq-hash-table)))
    (define (steps i)
      (if (= i 1)
          1
          (or (hash-table-ref/default lengths i #f)
              (let ((length
                     (+ 1 (steps (if (even? i)
                                     (quotient i 2)
                                     (+ (* 3 i) 1))))))
                (hash-table-set! lengths i length)
                length))))
    (let loop ((i 1) (best 1) (longest 1))
      (cond ((= i n) (list best longest))
            ((> (steps i) longest) (loop (+ i 1) i (steps i)))
            (else (loop (+ i 1) best longest))))))

;;; Objects that have no hash but their address, through collections: all
;;; are found, half are deleted, the others are still found.
(define (by-identity n)
  (let ((table (make-eq-hash-table))
        (keys (map (lambda (i) (cons 'key 'key)) (iota n))))
    (for-each (lambda (key i) (hash-table-set! table key i)) keys (iota n))
    (gc)
    (let ((sum (fold-left + 0
                          (map (lambda (key)
                                 (hash-table-ref/default table key 0))
                               keys))))
      (for-each (lambda (key i)
                  (if (even? i) (hash-table-delete! table key)))
                keys (iota n))
      (gc)
      (list sum
            (hash-table-count table)
            (fold-left + 0 (map (lambda (key)
                                  (hash-table-ref/default table key 0))
                                keys))
            (hash-table-ref/default table (cons 'key 'key) 'none)))))

;;; Lists and strings as keys, by what is in them.
(define (by-content n)
  (let ((table (make-equal-hash-table)))
    (do ((i 0 (+ i 1)))
        ((= i n))
      (hash-table-update!/default
       table
       (list (remainder i 7) (number->string (remainder i 11))
             (vector (remainder i 2)))
       (lambda (count) (+ count 1))
       0))
    (list (hash-table-count table)
          (fold-left + 0 (hash-table-values table)))))

(define (tables-run n)
  (list (collatz n) (by-identity (quotient n 2)) (by-content n)))
