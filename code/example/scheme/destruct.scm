;;; destruct.scm -- lists that are changed in place
;;;
;;; A ring of lists in the manner of Gabriel's "destruct": in each round the
;;; lists are cut and joined to each other by set-cdr!, so that old pairs
;;; refer to young ones, and then grow again.  Nothing is lost and nothing
;;; comes twice, so the sum of all items is known.

(define (split-half! list)
  (let* ((middle (list-tail list (- (quotient (length list) 2) 1)))
         (rest (cdr middle)))
    (set-cdr! middle '())
    rest))

(define (append-to! list tail)
  (set-cdr! (last-pair list) tail)
  list)

(define (list-sum list) (fold-left + 0 list))

;;; Swaps second halves between neighbours in the vector, each with the next.
(define (exchange-halves! lists)
  (let loop ((i 0))
    (if (< (+ i 1) (vector-length lists))
        (let* ((a (vector-ref lists i))
               (b (vector-ref lists (+ i 1)))
               (a2 (split-half! a))
               (b2 (split-half! b)))
          (append-to! a b2)
          (append-to! b a2)
          (loop (+ i 1))))))

;;; Replaces every tenth pair by a young one, as an old list does that is
;;; edited.
(define (renew! list i)
  (if (and (pair? list) (pair? (cdr list)))
      (begin
        (if (= (remainder i 10) 0)
            (set-cdr! list (cons (cadr list) (cddr list))))
        (renew! (cdr list) (+ i 1)))))

;;; Puts each list in reverse, in place.
(define (reverse! list)
  (let loop ((list list) (result '()))
    (if (null? list)
        result
        (let ((rest (cdr list)))
          (set-cdr! list result)
          (loop rest list)))))

(define (destruct rounds size)
  (let ((lists (make-vector 8)))
    (do ((i 0 (+ i 1)))
        ((= i 8))
      (vector-set! lists i (iota size (* i size))))
    (do ((round 0 (+ round 1)))
        ((= round rounds))
      (exchange-halves! lists)
      (vector-for-each (lambda (list) (renew! list round)) lists)
      (do ((i 0 (+ i 1)))
          ((= i 8))
        (if (= (remainder round 3) (remainder i 3))
            (vector-set! lists i (reverse! (vector-ref lists i))))))
    (list (apply + (map length (vector->list lists)))
          (apply + (map list-sum (vector->list lists)))
          (list-head (vector-ref lists 0) 5))))
