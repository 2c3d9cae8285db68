;; language: Scheme (Guile)
;; package: guile-3.0
;; needs: guile
;; run: guile --no-auto-compile guile.scm
;; limits: memory=512m processes=50 cpu=20s wall=30s
(use-modules (ice-9 rdelim))
(display "hello, world\n")
(define composite (make-vector 100000 #f))
(define count 0)
(define sum 0)
(do ((n 2 (+ n 1))) ((= n 100000))
  (unless (vector-ref composite n)
    (set! count (+ count 1))
    (set! sum (+ sum n))
    (do ((m (* n n) (+ m n))) ((>= m 100000))
      (vector-set! composite m #t))))
(display count) (display " ") (display sum) (newline)
(call-with-output-file "numbers.txt"
  (lambda (port)
    (do ((n 1 (+ n 1))) ((> n 1000)) (write n port) (newline port))))
(display
  (call-with-input-file "numbers.txt"
    (lambda (port)
      (let next ((total 0))
        (let ((value (read port)))
          (if (eof-object? value) total (next (+ total value))))))))
(newline)
