; What programs of mostly-lisp may use: mostly-lisp prelude.lisp PROGRAM

(define list (lambda all all))
(define not (lambda (v) (if v nil t)))
(define second (lambda (v) (car (cdr v))))

; v backwards, then r
(define onto (lambda (v r) (if v (onto (cdr v) (cons (car v) r)) r)))
(define reverse (lambda (v) (onto v nil)))
(define append (lambda (v r) (onto (reverse v) r)))
(define map-onto (lambda (f v r)
  (if v (map-onto f (cdr v) (cons (f (car v)) r)) (reverse r))))
(define map (lambda (f v) (map-onto f v nil)))
(define fold (lambda (f r v) (if v (fold f (f r (car v)) (cdr v)) r)))
(define count (lambda (v) (fold (lambda (n x) (+ n 1)) 0 v)))

(define let (macro (names . body)
  (cons (cons 'lambda (cons (map car names) body)) (map second names))))
(define defun (macro (name parameters . body)
  (list 'define name (cons 'lambda (cons parameters body)))))
(define cond (macro (one . others)
  (list 'if (car one) (cons 'begin (cdr one))
    (if others (cons 'cond others)))))
(define and (macro (one . others)
  (if others (list 'if one (cons 'and others)) one)))
(define or (macro (one . others)
  (if others (list 'let (list (list 'or-it one))
    (list 'if 'or-it 'or-it (cons 'or others))) one)))

; the numbers from one up to the other, without it
(defun range-onto (from to r)
  (if (< from to) (range-onto from (- to 1) (cons (- to 1) r)) r))
(defun range (from to) (range-onto from to nil))
(defun repeat (n f) (if (< 0 n) (begin (f) (repeat (- n 1) f))))
