;;; nqueens.scm -- in how many ways n queens don't attack each other
;;;
;;; With lists of columns: those that are free, those that were tried in this
;;; row, and those taken in the rows before.

(define (queen-fits? column distance placed)
  (or (null? placed)
      (and (not (= (car placed) (+ column distance)))
           (not (= (car placed) (- column distance)))
           (queen-fits? column (+ distance 1) (cdr placed)))))

(define (nqueens n)
  (let try ((free (iota n 1)) (tried '()) (placed '()))
    (cond ((pair? free)
           (+ (if (queen-fits? (car free) 1 placed)
                  (try (append (cdr free) tried)
                       '()
                       (cons (car free) placed))
                  0)
              (try (cdr free) (cons (car free) tried) placed)))
          ((null? tried) 1)
          (else 0))))
