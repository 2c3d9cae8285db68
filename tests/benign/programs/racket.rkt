#lang racket/base
;; language: Racket
;; package: racket
;; needs: racket
;; heavy: 410 MB
;; run: racket racket.rkt
;; limits: memory=512m processes=50 cpu=20s wall=30s
(displayln "hello, world")
(define composite (make-vector 100000 #f))
(define-values (count sum)
  (for/fold ([count 0] [sum 0]) ([n (in-range 2 100000)] #:unless (vector-ref composite n))
    (for ([m (in-range (* n n) 100000 n)]) (vector-set! composite m #t))
    (values (+ count 1) (+ sum n))))
(printf "~a ~a\n" count sum)
(with-output-to-file "numbers.txt" (lambda () (for ([n (in-range 1 1001)]) (displayln n))))
(displayln (for/sum ([line (in-lines (open-input-file "numbers.txt"))]) (string->number line)))
