;;; concordance.scm -- every word of a text, how often, and in which lines
;;;
;;; A word is a run of letters and digits, in lower case.  The concordance
;;; is a vector of entries, sorted by word.

(define-record-type entry (make-entry word count lines) entry?
  (word entry-word)
  (count entry-count set-entry-count!)
  (lines entry-lines set-entry-lines!)) ; last first, each once

(define (word-char? c) (or (char-alphabetic? c) (char-numeric? c)))

;;; The words of a line, in order.
(define (line-words line)
  (let ((end (string-length line)))
    (let loop ((i 0) (start #f) (words '()))
      (cond ((and (< i end) (word-char? (string-ref line i)))
             (loop (+ i 1) (or start i) words))
            (start
             (loop i #f
                   (cons (string-downcase (substring line start i)) words)))
            ((< i end) (loop (+ i 1) #f words))
            (else (reverse words))))))

(define (read-lines name)
  (call-with-input-file name
    (lambda (port)
      (let loop ((line (read-line port)) (lines '()))
        (if (eof-object? line)
            (reverse lines)
            (loop (read-line port) (cons line lines)))))))

(define (note-word! table word line)
  (let ((entry (hash-table-ref/default table word #f)))
    (cond ((not entry)
           (hash-table-set! table word (make-entry word 1 (list line))))
          (else
           (set-entry-count! entry (+ 1 (entry-count entry)))
           (if (not (= line (car (entry-lines entry))))
               (set-entry-lines! entry (cons line (entry-lines entry))))))))

(define (concordance name)
  (let ((table (make-equal-hash-table)))
    (let loop ((lines (read-lines name)) (number 1))
      (if (pair? lines)
          (begin
            (for-each (lambda (word) (note-word! table word number))
                      (line-words (car lines)))
            (loop (cdr lines) (+ number 1)))))
    (sort (list->vector (hash-table-values table))
          (lambda (a b) (string<? (entry-word a) (entry-word b))))))

(define (concordance-ref entries word)
  (vector-binary-search entries word
                        (lambda (word entry)
                          (cond ((string<? word (entry-word entry)) -1)
                                ((string=? word (entry-word entry)) 0)
                                (else 1)))))

(define (write-entry entry port)
  (display (string-pad-right (entry-word entry) 20) port)
  (display (string-pad-left (number->string (entry-count entry)) 6) port)
  (for-each (lambda (line)
              (write-char #\space port)
              (display line port))
            (reverse (entry-lines entry)))
  (newline port))

;;; Counts words another way: one character at a time, no strings.
(define (count-words name)
  (call-with-input-file name
    (lambda (port)
      (let loop ((c (read-char port)) (inside? #f) (words 0))
        (cond ((eof-object? c) words)
              ((not (word-char? c)) (loop (read-char port) #f words))
              (inside? (loop (read-char port) #t words))
              (else (loop (read-char port) #t (+ words 1))))))))

(define (strictly-sorted? list less?)
  (or (null? list)
      (null? (cdr list))
      (and (less? (car list) (cadr list))
           (strictly-sorted? (cdr list) less?))))

;;; What must hold for the concordance of any text.  Gives the first thing
;;; that doesn't, or #f.
(define (concordance-fault name entries)
  (let* ((list (vector->list entries))
         (counts (fold-left + 0 (map entry-count list)))
         (lines (length (read-lines name)))
         (printed (call-with-output-string
                   (lambda (port)
                     (vector-for-each (lambda (e) (write-entry e port))
                                      entries))))
         (entry-fits?
          (lambda (e)
            (and (>= (entry-count e) (length (entry-lines e)))
                 (strictly-sorted? (entry-lines e) >)
                 (<= 1 (last (entry-lines e)))
                 (<= (car (entry-lines e)) lines)
                 (eq? e (concordance-ref entries (entry-word e)))))))
    (cond ((not (= counts (count-words name))) 'number-of-words)
          ((not (strictly-sorted? (map entry-word list) string<?)) 'order)
          ((not (every entry-fits? list)) 'entries)
          ((not (= (length list)
                   (- (length (string-split printed #\newline)) 1)))
           'printed)
          (else #f))))

;;; What is known of one text: words, different words, and of some words how
;;; often they occur and in which line first.
(define known-words 5700)
(define known-text
  '(5700 1026 (("the" 345 10) ("patents" 6 61) ("warranty" 15 45))))

(define (concordance-known? entries)
  (let ((list (vector->list entries)))
    (and (= (fold-left + 0 (map entry-count list)) (car known-text))
         (= (length list) (cadr known-text))
         (every (lambda (known)
                  (let ((entry (concordance-ref entries (car known))))
                    (and entry
                         (= (entry-count entry) (cadr known))
                         (= (last (entry-lines entry)) (caddr known)))))
                (caddr known-text)))))

;;; Makes the concordance several times; all must be alike.
(define (concordance-check name times)
  (let* ((first (concordance name))
         (fault (concordance-fault name first))
         (plain (lambda (entries)
                  (map (lambda (e)
                         (list (entry-word e) (entry-count e)
                               (entry-lines e)))
                       (vector->list entries))))
         (expected (plain first)))
    (cond (fault fault)
          ((and (= (count-words name) known-words)
                (not (concordance-known? first)))
           'not-as-known)
          ((every (lambda (i) (equal? (plain (concordance name)) expected))
                  (iota (- times 1)))
           'consistent)
          (else 'varies))))
