;;; strings.scm -- work with strings: leaves of all sizes
;;;
;;; Strings are made, joined, split, reversed and compared; they hold no
;;; references, so the collector copies them without looking into them.

(define (palindrome? string) (string=? string (string-reverse string)))

(define (count-palindromes n)
  (let loop ((i 1) (count 0))
    (if (> i n)
        count
        (loop (+ i 1)
              (if (palindrome? (number->string i)) (+ count 1) count)))))

;;; One long string of all the numbers, taken apart again.
(define (sum-of-joined n)
  (let* ((joined (string-join (map number->string (iota n 1)) ","))
         (parts (string-split joined #\,)))
    (list (string-length joined)
          (fold-left + 0 (map string->number parts)))))

;;; A string that doubles in length each time, and is cut back.
(define (doubling rounds)
  (let loop ((i rounds) (s "mostly ") (total 0))
    (if (= i 0)
        total
        (let ((doubled (string-append s s)))
          (loop (- i 1)
                (if (> (string-length doubled) 100000)
                    (substring doubled 0 7)
                    doubled)
                (+ total (string-length doubled)))))))

;;; A Caesar cipher there and back.
(define (rotate string by)
  (string-map (lambda (c)
                (if (char-lower-case? c)
                    (integer->char
                     (+ 97 (modulo (+ by (- (char->integer c) 97)) 26)))
                    c))
              string))

(define (cipher-holds? times)
  (let ((plain "the quick brown fox jumps over the lazy dog"))
    (every (lambda (i)
             (string=? plain (rotate (rotate plain i) (- i))))
           (iota times))))

(define (strings-run n)
  (list (count-palindromes n)
        (sum-of-joined n)
        (doubling (quotient n 20))
        (cipher-holds? (quotient n 60))
        (symbol->string (string->symbol "strings"))))
