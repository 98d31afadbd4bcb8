;;; digits.scm -- integers of any size
;;;
;;; Bignums are leaves that live for one operation: garbage at full speed.

;;; The integer part of 10^digits * pi, by Machin's formula, with ten more
;;; digits in between so that rounding doesn't show.
(define (pi-digits digits)
  (let ((unit (expt 10 (+ digits 10))))
    (define (arctan-inverse x)
      (let ((x2 (* x x)))
        (let loop ((power (quotient unit x)) (n 1) (sum 0) (sign 1))
          (if (= power 0)
              sum
              (loop (quotient power x2)
                    (+ n 2)
                    (+ sum (* sign (quotient power n)))
                    (- sign))))))
    (quotient (* 4 (- (* 4 (arctan-inverse 5)) (arctan-inverse 239)))
              (expt 10 10))))

(define (factorial n)
  (let loop ((n n) (product 1))
    (if (= n 0) product (loop (- n 1) (* product n)))))

(define (fibonacci n)
  (let loop ((n n) (a 0) (b 1))
    (if (= n 0) a (loop (- n 1) b (+ a b)))))

(define (digit-sum n)
  (fold-left + 0 (map digit-value (string->list (number->string n)))))

;;; 2^(p-1) - 1 is divisible by an odd prime p.
(define (fermat-holds? p)
  (= 0 (remainder (- (expt 2 (- p 1)) 1) p)))

(define (digits-run n)
  (list (let ((pi (number->string (pi-digits n))))
          (list (substring pi 0 20)
                (substring pi (- (string-length pi) 9))))
        (digit-sum (factorial n))
        (digit-sum (fibonacci n))
        (map fermat-holds? '(97 101 341 997 1001))))
