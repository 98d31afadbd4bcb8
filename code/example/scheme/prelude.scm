;;; prelude.scm -- the part of the Scheme that is written in Scheme
;;;
;;; The C part knows quote, quasiquote, if, define, set!, lambda, begin, let,
;;; letrec, letrec*, and, or, define-macro.  All else that looks like syntax
;;; is a macro from here.  Macros aren't hygienic: their own variables are
;;; fresh symbols, and a program should not hide the names that they use.
;;;
;;; Names that start with % are for this file.
;;;
;;; Design: .example.prelude (design/example.rst).


;;; Syntax

(define-macro (when test . body)
  (list 'if test (%cons 'begin body)))

(define-macro (unless test . body)
  (list 'if test (list 'void) (%cons 'begin body)))

(define-macro (let* bindings . body)
  (if (or (null? bindings) (null? (cdr bindings)))
      `(let ,bindings ,@body)
      `(let (,(car bindings)) (let* ,(cdr bindings) ,@body))))

(define-macro (cond . clauses)
  (if (null? clauses)
      '(void)
      (let ((clause (car clauses)) (rest (cdr clauses)))
        (if (not (pair? clause))
            (error "cond: bad clause" clause))
        (let ((test (car clause)) (body (cdr clause)))
          (if (eq? test 'else)
              `(begin ,@body)
              (if (null? body)
                  `(or ,test (cond ,@rest))
                  (if (eq? (car body) '=>)
                      (let ((value (gensym)))
                        `(let ((,value ,test))
                           (if ,value
                               (,(cadr body) ,value)
                               (cond ,@rest))))
                      `(if ,test
                           (begin ,@body)
                           (cond ,@rest)))))))))

;;; How a key is compared with a constant: by eq? where that is enough.
(define (%case-test key datum)
  (if (or (symbol? datum) (char? datum) (null? datum) (boolean? datum))
      `(eq? ,key ',datum)
      `(eqv? ,key ',datum)))

(define (%case-body key body)
  (if (eq? (car body) '=>)
      (list (cadr body) key)
      (%cons 'begin body)))

(define (%case-clauses key clauses)
  (if (null? clauses)
      '(void)
      (let ((clause (car clauses)))
        (if (eq? (car clause) 'else)
            (%case-body key (cdr clause))
            `(if (or ,@(map (lambda (datum) (%case-test key datum))
                            (car clause)))
                 ,(%case-body key (cdr clause))
                 ,(%case-clauses key (cdr clauses)))))))

(define-macro (case key . clauses)
  (let ((value (gensym)))
    `(let ((,value ,key))
       ,(%case-clauses value clauses))))

;;; (do ((variable init step) ...) (test result ...) body ...)
(define-macro (do bindings exit . body)
  (let ((loop (gensym)))
    `(let ,loop ,(map (lambda (b) (list (car b) (cadr b))) bindings)
       (if ,(car exit)
           (begin (void) ,@(cdr exit))
           (begin
             ,@body
             (,loop ,@(map (lambda (b)
                             (if (null? (cddr b)) (car b) (caddr b)))
                           bindings)))))))

(define-macro (let*-values bindings . body)
  (if (null? bindings)
      `(let () ,@body)
      `(call-with-values (lambda () ,(cadr (car bindings)))
         (lambda ,(car (car bindings))
           (let*-values ,(cdr bindings) ,@body)))))

(define-macro (let-values bindings . body)
  `(let*-values ,bindings ,@body))

(define-macro (receive variables expression . body)
  `(call-with-values (lambda () ,expression) (lambda ,variables ,@body)))

(define-macro (define-values variables expression)
  (let ((values (gensym)))
    `(begin
       (define ,values (%values->list ,expression))
       ,@(let loop ((variables variables) (take values))
           (cond ((null? variables) '())
                 ((symbol? variables) `((define ,variables ,take)))
                 (else
                  (%cons `(define ,(car variables) (car ,take))
                         (loop (cdr variables) (list 'cdr take)))))))))

(define-macro (case-lambda . clauses)
  (let ((arguments (gensym)) (count (gensym)))
    `(lambda ,arguments
       (let ((,count (length ,arguments)))
         (cond
          ,@(map (lambda (clause)
                   (let loop ((parameters (car clause)) (n 0))
                     (if (pair? parameters)
                         (loop (cdr parameters) (+ n 1))
                         `((,(if (null? parameters) '= '>=) ,count ,n)
                           (apply (lambda ,@clause) ,arguments)))))
                 clauses)
          (else (error "case-lambda: no clause takes these"
                       ,arguments)))))))

(define-macro (assert expression)
  `(if (not ,expression) (error "assertion failed" ',expression)))

;;; (define-record-type name (constructor field ...) predicate
;;;   (field accessor [modifier]) ...)
(define-macro (define-record-type name constructor predicate . fields)
  (let* ((type (if (pair? name) (car name) name))
         (names (map (lambda (f) (if (pair? f) (car f) f)) fields))
         (index (lambda (field)
                  (let loop ((list names) (i 0))
                    (if (eq? (car list) field)
                        i
                        (loop (cdr list) (+ i 1)))))))
    `(begin
       (define ,type (%make-record-type ',type ',names))
       ,@(if (not constructor)
             '()
             (let ((constructor (if (pair? constructor)
                                    constructor
                                    (%cons constructor names))))
               `((define ,constructor
                   (%make-record
                    ,type
                    ,@(map (lambda (field)
                             (if (memq field (cdr constructor)) field #f))
                           names))))))
       ,@(if predicate
             `((define (,predicate object) (%record? object ,type)))
             '())
       ,@(apply
          append
          (map (lambda (f)
                 (if (or (not (pair? f)) (null? (cdr f)))
                     '()
                     `((define (,(cadr f) record)
                         (%record-ref record ,type ,(index (car f))))
                       ,@(if (null? (cddr f))
                             '()
                             `((define (,(caddr f) record value)
                                 (%record-set! record ,type
                                               ,(index (car f)) value)))))))
               fields)))))


;;; Lists

;;; Complains of what ends otherwise than a list.
(define (%check-end who end)
  (if (not (null? end))
      (error (string-append who ": expected a list, got") end)))

(define (%map1 f list)
  (let loop ((rest list) (result '()))
    (if (pair? rest)
        (loop (cdr rest) (cons (f (car rest)) result))
        (begin
          (%check-end "map" rest)
          (reverse result)))))

(define (%any-null? who lists)
  (and (pair? lists)
       (if (pair? (car lists))
           (%any-null? who (cdr lists))
           (begin (%check-end who (car lists)) #t))))

(define (map f list . lists)
  (if (null? lists)
      (%map1 f list)
      (let loop ((lists (cons list lists)) (result '()))
        (if (%any-null? "map" lists)
            (reverse result)
            (loop (%map1 cdr lists)
                  (cons (apply f (%map1 car lists)) result))))))

(define (for-each f list . lists)
  (if (null? lists)
      (let loop ((list list))
        (if (pair? list)
            (begin
              (f (car list))
              (loop (cdr list)))
            (%check-end "for-each" list)))
      (let loop ((lists (cons list lists)))
        (unless (%any-null? "for-each" lists)
          (apply f (%map1 car lists))
          (loop (%map1 cdr lists))))))

(define (append-map f . lists)
  (apply append (apply map f lists)))

(define (filter keep? list)
  (let loop ((list list) (result '()))
    (cond ((null? list) (reverse result))
          ((keep? (car list)) (loop (cdr list) (cons (car list) result)))
          (else (loop (cdr list) result)))))

(define (remove drop? list)
  (filter (lambda (x) (not (drop? x))) list))

(define (partition in? list)
  (values (filter in? list) (remove in? list)))

(define (delete item list)
  (remove (lambda (x) (equal? x item)) list))

(define (delete-duplicates list . same)
  (let ((same? (if (null? same) equal? (car same))))
    (let loop ((list list) (result '()))
      (cond ((null? list) (reverse result))
            ((any (lambda (x) (same? x (car list))) result)
             (loop (cdr list) result))
            (else (loop (cdr list) (cons (car list) result)))))))

(define (fold-left f result list)
  (if (null? list)
      result
      (fold-left f (f result (car list)) (cdr list))))

(define (fold-right f result list)
  (fold-left (lambda (result item) (f item result)) result (reverse list)))

(define (fold f result list)
  (if (null? list)
      result
      (fold f (f (car list) result) (cdr list))))

(define (reduce f initial list)
  (if (null? list)
      initial
      (fold f (car list) (cdr list))))

(define (any test list)
  (and (not (null? list))
       (or (test (car list))
           (any test (cdr list)))))

(define (every test list)
  (or (null? list)
      (if (null? (cdr list))
          (test (car list))
          (and (test (car list))
               (every test (cdr list))))))

(define (find test list)
  (cond ((null? list) #f)
        ((test (car list)) (car list))
        (else (find test (cdr list)))))

(define (list-index test list)
  (let loop ((list list) (i 0))
    (cond ((null? list) #f)
          ((test (car list)) i)
          (else (loop (cdr list) (+ i 1))))))

(define (iota count . from)
  (let ((start (if (pair? from) (car from) 0))
        (step (if (and (pair? from) (pair? (cdr from))) (cadr from) 1)))
    (let loop ((i (- count 1)) (result '()))
      (if (< i 0)
          result
          (loop (- i 1) (cons (+ start (* i step)) result))))))

(define (list-head list k)
  (let loop ((list list) (k k) (result '()))
    (if (= k 0)
        (reverse result)
        (loop (cdr list) (- k 1) (cons (car list) result)))))

(define (list-set! list k value)
  (set-car! (list-tail list k) value))

(define (last list) (car (last-pair list)))
(define (first list) (car list))
(define (second list) (cadr list))
(define (third list) (caddr list))
(define (caadr x) (car (cadr x)))
(define (cdadr x) (cdr (cadr x)))
(define (cddar x) (cddr (car x)))
(define (cadar x) (cadr (car x)))
(define (caaar x) (car (caar x)))
(define (cddddr x) (cdr (cdddr x)))

(define (member item list . same)
  (if (null? same)
      (%member item list)
      (let loop ((list list))
        (cond ((null? list) #f)
              (((car same) item (car list)) list)
              (else (loop (cdr list)))))))

(define (assoc key list . same)
  (if (null? same)
      (%assoc key list)
      (find (lambda (entry) ((car same) key (car entry))) list)))

;;; Merges two sorted lists; of equal items those of the first come first.
(define (%merge a b less?)
  (let loop ((a a) (b b) (result '()))
    (cond ((null? a) (%append-reverse result b))
          ((null? b) (%append-reverse result a))
          ((less? (car b) (car a)) (loop a (cdr b) (cons (car b) result)))
          (else (loop (cdr a) b (cons (car a) result))))))

(define (%append-reverse list rest)
  (if (null? list)
      rest
      (%append-reverse (cdr list) (cons (car list) rest))))

(define (%sort-list list less?)
  ;; Sorts the first n items.
  (let sort ((list list) (n (length list)))
    (cond ((= n 0) '())
          ((= n 1) (cons (car list) '()))
          (else
           (let ((half (quotient n 2)))
             (%merge (sort list half)
                     (sort (list-tail list half) (- n half))
                     less?))))))

(define (sort sequence less?)
  (if (vector? sequence)
      (list->vector (%sort-list (vector->list sequence) less?))
      (%sort-list sequence less?)))

(define list-sort (lambda (less? list) (sort list less?)))


;;; Numbers

(define (abs x) (if (negative? x) (- x) x))
(define magnitude abs)
(define (even? n) (= (remainder n 2) 0))
(define (odd? n) (not (even? n)))
(define (square x) (* x x))
(define (1+ n) (+ n 1))
(define (-1+ n) (- n 1))
(define rational? (lambda (x) (and (number? x) (= (- x x) 0))))
(define complex? number?)
(define exact->inexact inexact)
(define inexact->exact exact)

(define (gcd . numbers)
  (define (gcd2 a b)
    (if (= b 0) (abs a) (gcd2 b (remainder a b))))
  (fold-left gcd2 0 numbers))

(define (lcm . numbers)
  (define (lcm2 a b)
    (if (or (= a 0) (= b 0))
        0
        (abs (* a (quotient b (gcd a b))))))
  (fold-left lcm2 1 numbers))

(define (expt base exponent)
  (define (power base n result)
    (cond ((= n 0) result)
          ((even? n) (power (* base base) (quotient n 2) result))
          (else (power base (- n 1) (* base result)))))
  (cond ((not (number? base)) (error "expt: expected a number, got" base))
        ((not (exact-integer? exponent)) (%flonum-expt base exponent))
        ((negative? exponent) (/ 1 (power base (- exponent) 1)))
        (else (power base exponent 1))))

(define (exact-integer-sqrt n)
  (if (or (not (exact-integer? n)) (negative? n))
      (error "exact-integer-sqrt: expected an index, got" n))
  (let loop ((x (if (= n 0)
                    0
                    (expt 2 (quotient (+ 2 (%integer-length n)) 2)))))
    (let ((y (if (= x 0) 0 (quotient (+ x (quotient n x)) 2))))
      (if (< y x)
          (loop y)
          (values x (- n (* x x)))))))

(define (%integer-length n)
  (let loop ((n n) (bits 0))
    (if (= n 0) bits (loop (quotient n 2) (+ bits 1)))))

(define (arithmetic-shift n count)
  (cond ((not (exact-integer? n))
         (error "arithmetic-shift: expected an exact integer, got" n))
        ((>= count 0) (* n (expt 2 count)))
        ((<= -4611686018427387904 n 4611686018427387903)
         (%shift-right n (- count)))
        ((< (%integer-length n) (- count)) (if (negative? n) -1 0))
        (else (floor-quotient n (expt 2 (- count))))))

(define (truncate/ a b) (values (quotient a b) (remainder a b)))
(define (floor/ a b) (values (floor-quotient a b) (modulo a b)))

;;; A linear congruential generator: programs that check their results need
;;; the same numbers in every run.
(define %random-state 42)

(define (random-seed! n) (set! %random-state n))

(define (random n)
  (set! %random-state
        (modulo (+ (* %random-state 1103515245) 12345) 2147483648))
  (modulo (quotient %random-state 8) n))


;;; Vectors, strings, characters

(define (vector-map f vector . vectors)
  (list->vector
   (apply map f (vector->list vector) (map vector->list vectors))))

(define (vector-for-each f vector . vectors)
  (if (null? vectors)
      (let ((length (vector-length vector)))
        (let loop ((i 0))
          (when (< i length)
            (f (vector-ref vector i))
            (loop (+ i 1)))))
      (apply for-each f (vector->list vector) (map vector->list vectors))))

(define (vector-append . vectors)
  (list->vector (apply append (map vector->list vectors))))

(define (subvector vector start end) (vector-copy vector start end))

(define (vector-grow vector length)
  (let ((longer (make-vector length)))
    (vector-copy! longer 0 vector)
    longer))

(define (vector-binary-search vector key compare)
  (let loop ((low 0) (high (vector-length vector)))
    (if (>= low high)
        #f
        (let* ((middle (quotient (+ low high) 2))
               (order (compare key (vector-ref vector middle))))
          (cond ((= order 0) (vector-ref vector middle))
                ((< order 0) (loop low middle))
                (else (loop (+ middle 1) high)))))))

(define (bytevector-append . parts)
  (apply bytevector
         (append-map (lambda (part)
                       (map (lambda (i) (bytevector-u8-ref part i))
                            (iota (bytevector-length part))))
                     parts)))

(define (string-map f . strings)
  (list->string (apply map f (map string->list strings))))

(define (string-for-each f . strings)
  (apply for-each f (map string->list strings)))

(define (string->vector string) (list->vector (string->list string)))
(define (vector->string vector) (list->string (vector->list vector)))

(define (string-null? string) (= (string-length string) 0))

(define (string-reverse string)
  (list->string (reverse (string->list string))))

(define (string-index string test)
  (let ((length (string-length string))
        (test (if (char? test) (lambda (c) (char=? c test)) test)))
    (let loop ((i 0))
      (cond ((= i length) #f)
            ((test (string-ref string i)) i)
            (else (loop (+ i 1)))))))

(define (string-prefix? prefix string)
  (and (<= (string-length prefix) (string-length string))
       (string=? prefix (substring string 0 (string-length prefix)))))

(define (string-suffix? suffix string)
  (let ((start (- (string-length string) (string-length suffix))))
    (and (>= start 0)
         (string=? suffix (substring string start)))))

(define (string-join strings . delimiter)
  (let ((delimiter (if (null? delimiter) " " (car delimiter))))
    (if (null? strings)
        ""
        (apply string-append
               (car strings)
               (append-map (lambda (s) (list delimiter s))
                           (cdr strings))))))

(define (string-split string delimiter)
  (let loop ((start 0) (i 0) (parts '()))
    (cond ((= i (string-length string))
           (reverse (cons (substring string start i) parts)))
          ((char=? (string-ref string i) delimiter)
           (loop (+ i 1) (+ i 1) (cons (substring string start i) parts)))
          (else (loop start (+ i 1) parts)))))

(define (string-pad-left string length . fill)
  (let ((short (- length (string-length string))))
    (if (<= short 0)
        (substring string (- short))
        (string-append (apply make-string short
                              (if (null? fill) '(#\space) fill))
                       string))))

(define (string-pad-right string length . fill)
  (let ((short (- length (string-length string))))
    (if (<= short 0)
        (substring string 0 length)
        (string-append string
                       (apply make-string short
                              (if (null? fill) '(#\space) fill))))))

(define (string-ci=? a b) (string=? (string-downcase a) (string-downcase b)))
(define (char-ci=? a b) (char=? (char-downcase a) (char-downcase b)))

(define (digit-value char)
  (and (char-numeric? char) (- (char->integer char) 48)))

(define (symbol-append . symbols)
  (string->symbol (apply string-append (map symbol->string symbols))))

(define (symbol<? a b) (string<? (symbol->string a) (symbol->string b)))

(define (%all-eq? who type? items)
  (for-each (lambda (item)
              (if (not (type? item))
                  (error (string-append who ": wrong type of argument") item)))
            items)
  (every (lambda (item) (eq? item (car items))) (cdr items)))

(define (boolean=? a b . more)
  (%all-eq? "boolean=?" boolean? (cons* a b more)))
(define (symbol=? a b . more)
  (%all-eq? "symbol=?" symbol? (cons* a b more)))


;;; Hash tables
;;;
;;; An entry of a weak table goes when its key, its value, or either of them
;;; is referred to by nothing else.  What the value of an ephemeron refers to
;;; doesn't count as a reference to its key.  A constructor may be given a
;;; size, and makes nothing of it.

(define (make-eq-hash-table . size) (%make-table #f 0))
(define (make-equal-hash-table . size) (%make-table #t 0))
(define (make-key-weak-eq-hash-table . size) (%make-table #f 1))
(define (make-key-weak-equal-hash-table . size) (%make-table #t 1))
(define (make-value-weak-eq-hash-table . size) (%make-table #f 2))
(define (make-value-weak-equal-hash-table . size) (%make-table #t 2))
(define (make-doubly-weak-eq-hash-table . size) (%make-table #f 3))
(define (make-doubly-weak-equal-hash-table . size) (%make-table #t 3))
(define (make-ephemeron-eq-hash-table . size) (%make-table #f 4))
(define (make-ephemeron-equal-hash-table . size) (%make-table #t 4))

(define (hash-table-weakness table)
  (vector-ref '#(#f key value both ephemeron) (%table-weakness table)))

(define make-hash-table make-equal-hash-table)
(define make-strong-eqv-hash-table make-eq-hash-table)
(define make-string-hash-table make-equal-hash-table)
(define hash-table-size hash-table-count)
(define hash-table-exists? hash-table-contains?)

(define %missing (list 'missing))

(define (hash-table-ref table key . options)
  (let ((value (hash-table-ref/default table key %missing)))
    (cond ((not (eq? value %missing))
           (if (and (pair? options) (pair? (cdr options)))
               ((cadr options) value)
               value))
          ((and (pair? options) (car options)) ((car options)))
          (else (error "hash-table-ref: no such key" key)))))

(define (hash-table-update! table key f . fail)
  (hash-table-set! table key
                   (f (apply hash-table-ref table key fail))))

(define (hash-table-update!/default table key f default)
  (hash-table-set! table key
                   (f (hash-table-ref/default table key default))))

(define (hash-table-keys table) (map car (hash-table->alist table)))
(define (hash-table-values table) (map cdr (hash-table->alist table)))

(define (hash-table-walk table f)
  (for-each (lambda (entry) (f (car entry) (cdr entry)))
            (hash-table->alist table)))

(define (hash-table-copy table)
  (let ((copy (%make-table-like table)))
    (hash-table-walk table (lambda (k v) (hash-table-set! copy k v)))
    copy))

(define (alist->hash-table alist)
  (let ((table (make-equal-hash-table)))
    (for-each (lambda (entry)
                (if (not (hash-table-contains? table (car entry)))
                    (hash-table-set! table (car entry) (cdr entry))))
              alist)
    table))


;;; Guardians
;;;
;;; (guardian object) puts the object under its care.  When nothing else
;;; refers to it any more (guardian) gives it, once for each time, or #f if
;;; there is none.

(define (make-guardian)
  (let ((guardian (%make-guardian)))
    (lambda objects
      (if (null? objects)
          (%guardian-take guardian)
          (for-each (lambda (object) (%guardian-register guardian object))
                    objects)))))


;;; Control
;;;
;;; A continuation remembers the handlers and the dynamic-wind entries of its
;;; time.  Taking it runs the ways out and in between.

(define %handlers '())
(define %winders '())

(define (call-with-values producer consumer)
  (apply consumer (%values->list (producer))))

(define (dynamic-wind before thunk after)
  (before)
  (set! %winders (cons (cons before after) %winders))
  (let ((result (thunk)))
    (set! %winders (cdr %winders))
    (after)
    result))

(define (%rewind to)
  (define (tail list n)
    (if (= n 0) list (tail (cdr list) (- n 1))))
  (define (common a b)
    (let ((la (length a)) (lb (length b)))
      (let loop ((a (if (> la lb) (tail a (- la lb)) a))
                 (b (if (> lb la) (tail b (- lb la)) b)))
        (if (eq? a b) a (loop (cdr a) (cdr b))))))
  (if (not (eq? to %winders))
      (let ((meet (common to %winders)))
        (let out ()
          (if (not (eq? %winders meet))
              (let ((after (cdar %winders)))
                (set! %winders (cdr %winders))
                (after)
                (out))))
        (let in ((list to))
          (if (not (eq? list meet))
              (begin
                (in (cdr list))
                ((caar list))
                (set! %winders list)))))))

(define (%continuation k)
  (let ((handlers %handlers) (winders %winders))
    (lambda results
      (%rewind winders)
      (set! %handlers handlers)
      (%throw k (apply values results)))))

(define (call-with-escape-continuation f)
  (%call/ec
   (lambda (k)
     (let ((result (f (%continuation k))))
       (%end-escape k)
       result))))

(define (call-with-current-continuation f)
  (%call/cc (lambda (k) (f (%continuation k)))))

(define call/ec call-with-escape-continuation)
(define call-with-escape call-with-escape-continuation)
(define call/cc call-with-current-continuation)


;;; Errors

;;; A handler runs with the handlers outside its own.
(define (%call-handler object)
  (if (null? %handlers)
      (%uncaught object)
      (let ((handlers %handlers))
        (set! %handlers (cdr handlers))
        (let ((result ((car handlers) object)))
          (set! %handlers handlers)
          result))))

;;; That a handler returned is an error for the handlers outside its own.
(define (raise object)
  (let ((handlers %handlers))
    (%call-handler object)
    (set! %handlers (cdr handlers))
    (error "raise: the handler returned" object)))

(define (raise-continuable object) (%call-handler object))

(define (error message . irritants)
  (raise (%make-error 'error message irritants)))

(%set-raise-hook! raise)

(define (with-exception-handler handler thunk)
  (let ((handlers %handlers))
    (set! %handlers (cons handler handlers))
    (let ((result (thunk)))
      (set! %handlers handlers)
      result)))

;;; (guard (variable clause ...) body ...): the clauses are those of cond.
;;; They are run when the body has been left; without an else an object that
;;; no clause takes is raised again from there.
(define-macro (guard spec . body)
  (let ((variable (car spec)) (clauses (cdr spec))
        (k (gensym)) (object (gensym)))
    `((call/ec
       (lambda (,k)
         (with-exception-handler
          (lambda (,object)
            (,k (lambda ()
                  (let ((,variable ,object))
                    (cond ,@clauses
                          ,@(if (assq 'else clauses)
                                '()
                                `((else (raise-continuable
                                         ,variable)))))))))
          (lambda ()
            (let ((,object (begin ,@body)))
              (lambda () ,object)))))))))

(define (read-error? object)
  (and (error-object? object) (eq? (error-kind object) 'read-error)))

(define (file-error? object)
  (and (error-object? object) (eq? (error-kind object) 'file-error)))

(define (out-of-memory? object)
  (and (error-object? object) (eq? (error-kind object) 'out-of-memory)))

(define error? error-object?)
(define condition/report-string
  (lambda (object)
    (call-with-output-string
     (lambda (port)
       (display (error-object-message object) port)
       (for-each (lambda (x) (write-char #\space port) (write x port))
                 (error-object-irritants object))))))


;;; Promises and parameters

(define-record-type %promise (%make-promise box) promise?
  (box %promise-box %set-promise-box!))

;;; The box is a pair of #t and the value, or #f and a procedure that gives
;;; another promise.  Chains of promises share one box, so that a loop of
;;; delay-force runs in constant space.
(define-macro (delay-force expression)
  `(%make-promise (cons #f (lambda () ,expression))))

(define-macro (delay expression)
  `(delay-force (make-promise ,expression)))

(define (make-promise value)
  (if (promise? value)
      value
      (%make-promise (cons #t value))))

(define (force promise)
  (if (not (promise? promise))
      promise
      (let ((box (%promise-box promise)))
        (if (car box)
            (cdr box)
            (let* ((next ((cdr box)))
                   (box (%promise-box promise)))
              (if (not (car box))
                  (let ((from (%promise-box next)))
                    (set-car! box (car from))
                    (set-cdr! box (cdr from))
                    (%set-promise-box! next box)))
              (force promise))))))

(define-macro (cons-stream a b) `(cons ,a (delay ,b)))
(define (stream-car s) (car s))
(define (stream-cdr s) (force (cdr s)))
(define stream-pair? pair?)
(define the-empty-stream '())

(define (make-parameter value . converter)
  (let* ((convert (if (null? converter) (lambda (x) x) (car converter)))
         (value (convert value)))
    (lambda arguments
      (cond ((null? arguments) value)
            ((eq? (car arguments) %missing)
             (set! value (cadr arguments)))
            (else
             (set! value (convert (car arguments))))))))

(define-macro (parameterize bindings . body)
  (let ((parameters (map (lambda (b) (gensym)) bindings))
        (news (map (lambda (b) (gensym)) bindings))
        (olds (map (lambda (b) (gensym)) bindings)))
    `(let (,@(map (lambda (p b) (list p (car b))) parameters bindings)
           ,@(map (lambda (n b) (list n (cadr b))) news bindings))
       (let ,(map (lambda (o p) (list o (list p))) olds parameters)
         (dynamic-wind
          (lambda ()
            ,@(map (lambda (p n) (list p n)) parameters news))
          (lambda () ,@body)
          (lambda ()
            ,@(map (lambda (p o) `(,p %missing ,o)) parameters olds)))))))


;;; Ports

(define (call-with-port port f)
  (let ((result (f port)))
    (close-port port)
    result))

(define (call-with-input-file name f)
  (call-with-port (open-input-file name) f))

(define (call-with-output-file name f)
  (call-with-port (open-output-file name) f))

(define (call-with-output-string f)
  (let ((port (open-output-string)))
    (f port)
    (get-output-string port)))

(define (with-output-to-string thunk)
  (let ((port (open-output-string)) (old (current-output-port)))
    (dynamic-wind
     (lambda () (%set-current-output-port! port))
     thunk
     (lambda () (%set-current-output-port! old)))
    (get-output-string port)))

(define (print . objects)
  (for-each display objects)
  (newline))


;;; syntax-rules, without hygiene but for variables that a template binds by
;;; let, let*, letrec, do or lambda: those are renamed in each expansion.

(define (%bound-by template)
  (define (symbols x)
    (cond ((symbol? x) (list x))
          ((pair? x) (append (symbols (car x)) (symbols (cdr x))))
          (else '())))
  (define (binding-names bindings)
    (if (pair? bindings)
        (append (if (and (pair? (car bindings)) (symbol? (caar bindings)))
                    (list (caar bindings))
                    '())
                (binding-names (cdr bindings)))
        '()))
  (cond ((not (pair? template)) '())
        ((and (memq (car template) '(let let* letrec letrec* do))
              (pair? (cdr template)))
         (let* ((named? (symbol? (cadr template)))
                (rest (if named? (cddr template) (cdr template))))
           (append (if named? (list (cadr template)) '())
                   (if (pair? rest) (binding-names (car rest)) '())
                   (%bound-by rest))))
        ((and (eq? (car template) 'lambda) (pair? (cdr template)))
         (append (symbols (cadr template)) (%bound-by (cddr template))))
        (else (append (%bound-by (car template))
                      (%bound-by (cdr template))))))

;;; Extends an association list of pattern variables, or gives #f.
(define (%match pattern form literals found)
  (cond ((not found) #f)
        ((eq? pattern '_) found)
        ((symbol? pattern)
         (if (memq pattern literals)
             (and (eq? pattern form) found)
             (cons (cons pattern form) found)))
        ((and (pair? pattern) (pair? (cdr pattern))
              (eq? (cadr pattern) '...))
         (%match-many pattern form literals found))
        ((pair? pattern)
         (and (pair? form)
              (%match (cdr pattern) (cdr form) literals
                      (%match (car pattern) (car form) literals found))))
        (else (and (equal? pattern form) found))))

(define (%improper-length x)
  (if (pair? x) (+ 1 (%improper-length (cdr x))) 0))

(define (%match-many pattern form literals found)
  (let ((count (- (%improper-length form) (%improper-length (cddr pattern)))))
    (and (>= count 0)
         (let loop ((i count) (form form) (matches '()))
           (if (> i 0)
               (let ((m (%match (car pattern) (car form) literals '())))
                 (and m (loop (- i 1) (cdr form) (cons m matches))))
               (%match (cddr pattern) form literals
                       (append (%collect (car pattern) (reverse matches)
                                         literals)
                               found)))))))

;;; A variable under an ellipsis has the list of its matches, marked.
(define (%collect pattern matches literals)
  (map (lambda (variable)
         (cons variable
               (cons '%many (map (lambda (m) (cdr (assq variable m)))
                                 matches))))
       (%pattern-variables pattern literals)))

(define (%pattern-variables pattern literals)
  (cond ((symbol? pattern)
         (if (or (memq pattern '(... _)) (memq pattern literals))
             '()
             (list pattern)))
        ((pair? pattern)
         (append (%pattern-variables (car pattern) literals)
                 (%pattern-variables (cdr pattern) literals)))
        (else '())))

(define (%fill template found)
  (cond ((symbol? template)
         (let ((entry (assq template found)))
           (if entry (cdr entry) template)))
        ((not (pair? template)) template)
        ((and (eq? (car template) '...) (pair? (cdr template)))
         (cadr template))
        ((and (pair? (cdr template)) (eq? (cadr template) '...))
         (append (%fill-many (car template) found)
                 (%fill (cddr template) found)))
        (else (cons (%fill (car template) found)
                    (%fill (cdr template) found)))))

(define (%fill-many template found)
  (let* ((variables (filter (lambda (v)
                              (let ((entry (assq v found)))
                                (and entry (pair? (cdr entry))
                                     (eq? (cadr entry) '%many))))
                            (%pattern-variables template '())))
         (lists (map (lambda (v) (cddr (assq v found))) variables)))
    (if (null? variables)
        (error "syntax-rules: nothing to repeat" template))
    (apply map
           (lambda items
             (%fill template (append (map cons variables items) found)))
           lists)))

(define (%expand-rules literals rules form)
  (let loop ((rules rules))
    (if (null? rules)
        (error "syntax-rules: no rule matches" form))
    (let ((found (%match (cdr (caar rules)) form literals '())))
      (if found
          (let* ((template (cadr (car rules)))
                 (fresh (map (lambda (name) (cons name (gensym)))
                             (filter (lambda (name)
                                       (not (or (assq name found)
                                                (memq name '(... _)))))
                                     (%bound-by template)))))
            (%fill template (append found fresh)))
          (loop (cdr rules))))))

(define-macro (define-syntax name rules)
  (let ((form (gensym)))
    `(define-macro (,name . ,form)
       (%expand-rules ',(cadr rules) ',(cddr rules) ,form))))


;;; Running programs

(define (%directory name)
  (let loop ((i (string-length name)))
    (cond ((= i 0) "")
          ((char=? (string-ref name (- i 1)) #\/) (substring name 0 i))
          (else (loop (- i 1))))))

(define %load-directory "")

;;; Reads and evaluates what is in a file.  A name that isn't absolute is
;;; meant from the directory of the file that is being loaded.
(define (load name)
  (let* ((path (if (string-prefix? "/" name)
                   name
                   (string-append %load-directory name)))
         (directory (%directory path))
         (place path)
         (port (open-input-file path)))
    ;; What is loaded may raise an error that is handled outside.
    (define (swap)
      (let ((other %load-directory))
        (set! %load-directory directory)
        (set! directory other)
        (set! place (%set-load-place! place))))
    (dynamic-wind
     swap
     (lambda ()
       (let loop ((value (void)))
         (%set-load-place! path)
         (let ((form (read port)))
           (if (eof-object? form)
               (begin (close-port port) value)
               (begin
                 (%set-load-place!
                  (string-append path ":" (number->string (port-line port))))
                 (loop (eval form)))))))
     swap)))

(define (%evaluate-text text)
  (let ((port (open-input-string text)))
    (let loop ((value (void)))
      (let ((form (read port)))
        (if (eof-object? form)
            (if (not (eq? value (void)))
                (begin (write value) (newline)))
            (loop (eval form)))))))

(define (%report-error object)
  (display "error: ")
  (if (error-object? object)
      (display (condition/report-string object))
      (write object))
  (newline))

;;; Reads from the standard input; values are shown if that is a terminal.
(define (%repl interactive?)
  (let loop ()
    (if interactive? (begin (display "> ") (flush-output-port)))
    (let ((form (if interactive?
                    (guard (e (#t (%report-error e) (void))) (read))
                    (read))))
      (if (not (eof-object? form))
          (let ((value (if interactive?
                           (guard (e (#t (%report-error e) (void)))
                             (eval form))
                           (eval form))))
            (if (and interactive? (not (eq? value (void))))
                (begin (write value) (newline)))
            (loop))))))
