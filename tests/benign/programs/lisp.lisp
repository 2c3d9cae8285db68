;; language: Common Lisp (SBCL)
;; package: sbcl
;; needs: sbcl
;; run: sbcl --dynamic-space-size 256 --script lisp.lisp
;; limits: memory=512m processes=50 cpu=20s wall=30s
(format t "hello, world~%")
(let ((composite (make-array 100000 :element-type 'bit)) (count 0) (sum 0))
  (loop for n from 2 below 100000
        when (zerop (aref composite n))
          do (incf count)
             (incf sum n)
             (loop for m from (* n n) below 100000 by n do (setf (aref composite m) 1)))
  (format t "~d ~d~%" count sum))
(with-open-file (out "numbers.txt" :direction :output :if-exists :supersede)
  (loop for n from 1 to 1000 do (format out "~d~%" n)))
(with-open-file (in "numbers.txt")
  (format t "~d~%" (loop for n = (read in nil) while n sum n)))
