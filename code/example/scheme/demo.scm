;;; demo.scm -- real programs with known answers
;;;
;;;   mostly-scheme [OPTION ...] demo.scm [--quick | --large] [TEXT]
;;;
;;; Makes a concordance of the text, by default that of the GPL version 3
;;; as Debian ships it, and runs the classic programs for collectors.  Each
;;; answer is checked; the exit code is not zero if one is wrong.  With
;;; --quick the programs do less of the same, so that they can be run with a
;;; collection every few objects; with --large more.  --report shows what the
;;; collector did in each program.
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
(define (option? name) (and (member name arguments) #t))
(define quick? (option? "--quick"))
(define large? (option? "--large"))
(define text
  (let ((names (delete "--large" (delete "--quick" arguments))))
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

;;; How much of it: by --large, by default, and by --quick.
(define (size large full quick)
  (cond (large? large) (quick? quick) (else full)))


(program "concordance"
         (lambda () (concordance-check text (size 20 4 1)))
         'consistent)

(program "gcbench"
         (lambda () (gcbench (size 16 13 10) (size 500000 100000 5000)))
         (size '(131071 3668604 500000)
               '(16383 327444 100000)
               '(2047 32676 5000)))

(program "binary-trees"
         (lambda () (binary-trees (size 16 12 8)))
         (size '(262143 2031616 2093056 2096896 2097136 131071)
               '(16383 126976 130816 131056 8191)
               '(1023 7936 8176 511)))

(program "nqueens"
         (lambda () (map nqueens (size '(8 9 10 11) '(6 7 8 9) '(5 6 7))))
         (size '(92 352 724 2680) '(4 40 92 352) '(10 4 40)))

(program "destruct"
         (lambda () (destruct (size 1500 300 60) (size 400 120 40)))
         (size '(3200 5118400 (2400 2401 2402 2403 2404))
               '(960 460320 (720 721 722 723 724))
               '(320 51040 (240 241 242 243 244))))

(program "deriv"
         (lambda () (deriv-run (size 200000 20000 1000)))
         deriv-expected)

(program "paraffins"
         (lambda () (paraffins (size 20 16 13)))
         (size '(1 1 1 1 2 3 5 9 18 35 75 159 355 802 1858 4347 10359 24894
                 60523 148284 366319)
               '(1 1 1 1 2 3 5 9 18 35 75 159 355 802 1858 4347 10359)
               '(1 1 1 1 2 3 5 9 18 35 75 159 355 802)))

(program "meta"
         (lambda () (meta-run (size 20 15 11) (size 200 100 50)))
         (size '(6765 (1 2 3 4 5 6 7 8 9) 2435 4)
               '(610 (1 2 3 4 5 6 7 8 9) 292 4)
               '(89 (1 2 3 4 5 6 7 8 9) 50 4)))

(program "strings"
         (lambda () (strings-run (size 100000 20000 1000)))
         (size '(1098 (588894 5000050000) 81882276 #t "strings")
               '(298 (108893 200010000) 16285584 #t "strings")
               '(108 (3892 500500) 691656 #t "strings")))

(program "tables"
         (lambda () (tables-run (size 200000 30000 2000)))
         (size '((156159 383) (4999950000 50000 2500000000 none)
                 (154 200000))
               '((26623 308) (112492500 7500 56250000 none)
                 (154 30000))
               '((1161 182) (499500 500 250000 none) (154 2000))))

(program "digits"
         (lambda () (digits-run (size 2000 500 100)))
         (size '(("31415926535897932384" "802759009") 23382 1884
                 (#t #t #t #t #f))
               '(("31415926535897932384" "301194912") 4599 474
                 (#t #t #t #t #f))
               '(("31415926535897932384" "421170679") 648 93
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
