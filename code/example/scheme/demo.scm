;;; demo.scm -- real programs with known answers
;;;
;;;   mostly-scheme [OPTION ...] demo.scm [--quick] [TEXT]
;;;
;;; Makes a concordance of the text, by default that of the GPL version 3
;;; as Debian ships it, and runs the classic programs for collectors.  Each
;;; answer is checked; the exit code is not zero if one is wrong.  With
;;; --quick the programs do less of the same, so that they can be run with a
;;; collection every few objects.  --report shows what the collector did in
;;; each program.
;;;
;;; Design: .example.req.answers (design/example.rst).

(load "concordance.scm")
(load "gcbench.scm")
(load "nqueens.scm")
(load "destruct.scm")
(load "deriv.scm")
(load "paraffins.scm")
(load "meta.scm")
(load "strings.scm")
(load "tables.scm")
(load "digits.scm")

(define arguments (cdr (command-line)))
(define quick? (and (member "--quick" arguments) #t))
(define text
  (let ((names (delete "--quick" arguments)))
    (if (null? names)
        "/usr/share/common-licenses/GPL-3"
        (car names))))

(define wrong 0)

;;; Runs a program as a section of the report.  The answer is right if it is
;;; the expected one.
(define (program name thunk expected)
  (report-begin name)
  (let ((answer (guard (e ((error-object? e) e)) (thunk))))
    (report-end)
    (display (string-pad-right name 16))
    (if (equal? answer expected)
        (begin
          (display "right: ")
          (write answer))
        (begin
          (set! wrong (+ wrong 1))
          (display "WRONG: ")
          (write answer)
          (display " is not ")
          (write expected)))
    (newline)))

(define (size full quick) (if quick? quick full))


(program "concordance"
         (lambda () (concordance-check text (size 8 1)))
         'consistent)

(program "gcbench"
         (lambda () (gcbench (size 16 8) (size 500000 5000)))
         (size '(131071 3668604 500000) '(511 6060 5000)))

(program "binary-trees"
         (lambda () (binary-trees (size 14 6)))
         (size '(65535 507904 523264 524224 32767) '(255 1984 127)))

(program "nqueens"
         (lambda () (map nqueens (size '(8 9 10) '(4 5 6))))
         (size '(92 352 724) '(2 10 4)))

(program "destruct"
         (lambda () (destruct (size 600 20) (size 400 20)))
         (size '(3200 5118400 (2399 2398 2397 2396 2395))
               '(160 12720 (40 41 42 43 44))))

(program "deriv"
         (lambda () (deriv-run (size 60000 500)))
         deriv-expected)

(program "paraffins"
         (lambda () (paraffins (size 17 10)))
         (size '(1 1 1 1 2 3 5 9 18 35 75 159 355 802 1858 4347 10359 24894)
               '(1 1 1 1 2 3 5 9 18 35 75)))

(program "meta"
         (lambda () (meta-run (size 20 8) (size 200 30)))
         (size '(6765 (1 2 3 4 5 6 7 8 9) 2435 4)
               '(21 (1 2 3 4 5 6 7 8 9) 18 4)))

(program "strings"
         (lambda () (strings-run (size 30000 500)))
         (size '(398 (168893 450015000) 24541776 #t "strings")
               '(58 (1891 125250) 258020 #t "strings")))

(program "tables"
         (lambda () (tables-run (size 60000 800)))
         (size '((52527 340) (449985000 15000 225000000 none) (154 60000))
               '((703 171) (79800 200 40000 none) (154 800))))

(program "digits"
         (lambda () (digits-run (size 600 60)))
         (size '(("31415926535897932384" "669405132") 5715 540
                 (#t #t #t #t #f))
               '(("31415926535897932384" "820974944") 288 54
                 (#t #t #t #t #f))))

(if (> wrong 0)
    (begin
      (display wrong)
      (display " wrong")
      (newline)
      (exit 1))
    (begin
      (display "every answer is right")
      (newline)))
