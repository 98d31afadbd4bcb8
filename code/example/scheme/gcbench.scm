;;; gcbench.scm -- trees that live short and long
;;;
;;; After the idea of Ellis, Kovac and Boehm: trees of many sizes are built
;;; and dropped, both from the top down, by assignment to old nodes, and from
;;; the bottom up, while one tree and one large vector stay.

(define-record-type node (make-node left right) node?
  (left node-left set-node-left!)
  (right node-right set-node-right!))

(define (tree-size depth) (- (expt 2 (+ depth 1)) 1))

;;; From the bottom up: young nodes refer to older ones.
(define (build-tree depth)
  (if (= depth 0)
      (make-node #f #f)
      (make-node (build-tree (- depth 1)) (build-tree (- depth 1)))))

;;; From the top down: old nodes come to refer to younger ones, which is what
;;; the write barrier is for.
(define (populate! depth node)
  (if (> depth 0)
      (begin
        (set-node-left! node (make-node #f #f))
        (set-node-right! node (make-node #f #f))
        (populate! (- depth 1) (node-left node))
        (populate! (- depth 1) (node-right node)))))

(define (count-nodes node)
  (if node
      (+ 1 (count-nodes (node-left node)) (count-nodes (node-right node)))
      0))

;;; Builds so many trees of a depth as have about as many nodes as two large
;;; ones, and counts the nodes.
(define (time-construction depth large)
  (let loop ((i (quotient (* 2 (tree-size large)) (tree-size depth)))
             (count 0))
    (if (= i 0)
        count
        (let ((top-down (make-node #f #f)))
          (populate! depth top-down)
          (loop (- i 1)
                (+ count (count-nodes top-down)
                   (count-nodes (build-tree depth))))))))

(define (gcbench large items)
  (let ((tree (make-node #f #f))
        (array (make-vector items 0.0)))
    (populate! large tree)
    (do ((i 1 (+ i 1)))
        ((= i items))
      (vector-set! array i (/ 1.0 i)))
    (let loop ((depth 4) (count 0))
      (if (<= depth large)
          (loop (+ depth 2) (+ count (time-construction depth large)))
          (list (count-nodes tree)
                count
                (if (= (vector-ref array 1000) (/ 1.0 1000))
                    (vector-length array)
                    'broken))))))

;;; Full trees of pairs of which only the shape matters, as in the Computer
;;; Language Benchmarks Game.
(define (pair-tree depth)
  (if (= depth 0)
      '(())
      (cons (pair-tree (- depth 1)) (pair-tree (- depth 1)))))

(define (check-tree tree)
  (cond ((null? tree) 0)
        ((null? (cdr tree)) 1)
        (else (+ 1 (check-tree (car tree)) (check-tree (cdr tree))))))

(define (binary-trees most)
  (let ((stretch (check-tree (pair-tree (+ most 1))))
        (long-lived (pair-tree most)))
    (append
     (list stretch)
     (let loop ((depth 4))
       (if (> depth most)
           '()
           (let ((count (expt 2 (- most depth -4))))
             (cons (let sum ((i count) (total 0))
                     (if (= i 0)
                         total
                         (sum (- i 1)
                              (+ total (check-tree (pair-tree depth))))))
                   (loop (+ depth 4))))))
     (list (check-tree long-lived)))))
