;;; meta.scm -- an evaluator for a small Scheme, and programs for it
;;;
;;; After chapter 4 of Abelson and Sussman.  It is the kind of program that
;;; makes the most garbage: each call makes a frame, and frames are lists.

(define (meta-eval x env)
  (cond ((symbol? x) (meta-lookup x env))
        ((not (pair? x)) x)
        ((eq? (car x) 'quote) (cadr x))
        ((eq? (car x) 'if)
         (if (meta-eval (cadr x) env)
             (meta-eval (caddr x) env)
             (meta-eval (cadddr x) env)))
        ((eq? (car x) 'lambda) (list 'closure (cadr x) (cddr x) env))
        ((eq? (car x) 'begin) (meta-sequence (cdr x) env))
        ((eq? (car x) 'define)
         (meta-define! (cadr x) (meta-eval (caddr x) env) env))
        ((eq? (car x) 'cond) (meta-eval (cond->if (cdr x)) env))
        ((eq? (car x) 'let) (meta-eval (let->call x) env))
        (else
         (meta-apply (meta-eval (car x) env)
                     (map (lambda (operand) (meta-eval operand env))
                          (cdr x))))))

(define (meta-sequence forms env)
  (if (null? (cdr forms))
      (meta-eval (car forms) env)
      (begin
        (meta-eval (car forms) env)
        (meta-sequence (cdr forms) env))))

(define (meta-apply f arguments)
  (cond ((procedure? f) (apply f arguments))
        ((and (pair? f) (eq? (car f) 'closure))
         (meta-sequence (caddr f)
                        (cons (map cons (cadr f) arguments) (cadddr f))))
        (else (error "meta-apply: not a procedure" f))))

(define (cond->if clauses)
  (if (null? clauses)
      #f
      (let ((test (caar clauses)) (body (cons 'begin (cdar clauses))))
        (if (eq? test 'else)
            body
            (list 'if test body (cond->if (cdr clauses)))))))

(define (let->call x)
  (cons (cons 'lambda (cons (map car (cadr x)) (cddr x)))
        (map cadr (cadr x))))

;;; An environment is a list of frames, a frame a list of pairs of a symbol
;;; and its value.
(define (meta-lookup name env)
  (if (null? env)
      (error "meta-lookup: no such variable" name)
      (let ((entry (assq name (car env))))
        (if entry
            (cdr entry)
            (meta-lookup name (cdr env))))))

(define (meta-define! name value env)
  (set-car! env (cons (cons name value) (car env)))
  name)

(define (meta-global)
  (list
   (map cons
        '(+ - * < = car cdr cons null? pair? eq? not list append)
        (list + - * < = car cdr cons null? pair? eq? not list append))))

(define meta-program
  '(begin
     (define fib
       (lambda (n)
         (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))
     (define insert
       (lambda (x list)
         (cond ((null? list) (cons x (quote ())))
               ((< x (car list)) (cons x list))
               (else (cons (car list) (insert x (cdr list)))))))
     (define insertion-sort
       (lambda (list)
         (if (null? list)
             (quote ())
             (insert (car list) (insertion-sort (cdr list))))))
     (define count-change
       (lambda (amount coins)
         (cond ((= amount 0) 1)
               ((< amount 0) 0)
               ((null? coins) 0)
               (else (+ (count-change amount (cdr coins))
                        (count-change (- amount (car coins)) coins))))))
     (define tak
       (lambda (x y z)
         (if (not (< y x))
             z
             (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y)))))))

(define (meta-run n change)
  (let* ((env (meta-global))
         (run (lambda (x) (meta-eval x env))))
    (run meta-program)
    (list (run (list 'fib n))
          (run '(insertion-sort (quote (5 3 9 1 7 2 8 4 6))))
          (run (list 'count-change change '(quote (50 25 10 5 1))))
          (run '(let ((x 10) (y 6)) (tak x y 3))))))
