;;; deriv.scm -- symbolic derivatives
;;;
;;; Lists that are made, looked through once and dropped.

(define (deriv a)
  (cond ((not (pair? a)) (if (eq? a 'x) 1 0))
        ((eq? (car a) '+) (cons '+ (map deriv (cdr a))))
        ((eq? (car a) '-) (cons '- (map deriv (cdr a))))
        ((eq? (car a) '*)
         (list '*
               a
               (cons '+ (map (lambda (f) (list '/ (deriv f) f)) (cdr a)))))
        ((eq? (car a) '/)
         (list '-
               (list '/ (deriv (cadr a)) (caddr a))
               (list '/
                     (cadr a)
                     (list '* (caddr a) (caddr a) (deriv (caddr a))))))
        (else (error "deriv: no such operator" (car a)))))

(define deriv-example '(+ (* 3 x x) (* a x x) (* b x) 5))

(define deriv-expected
  '(+ (* (* 3 x x) (+ (/ 0 3) (/ 1 x) (/ 1 x)))
      (* (* a x x) (+ (/ 0 a) (/ 1 x) (/ 1 x)))
      (* (* b x) (+ (/ 0 b) (/ 1 x)))
      0))

(define (deriv-run times)
  (let loop ((i times) (result '()))
    (if (= i 0)
        result
        (loop (- i 1) (deriv deriv-example)))))
