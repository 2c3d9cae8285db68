! language: Fortran
! package: gfortran
! needs: gfortran
! compile: gfortran -O2 -o program fortran.f90
! run: ./program
program main
  implicit none
  logical :: composite(2:99999)
  integer :: n, m, count, value, total, status
  integer(8) :: sum
  composite = .false.
  count = 0
  sum = 0
  print '(a)', 'hello, world'
  do n = 2, 99999
    if (composite(n)) cycle
    count = count + 1
    sum = sum + n
    do m = 2 * n, 99999, n
      composite(m) = .true.
    end do
  end do
  print '(i0, 1x, i0)', count, sum
  open (10, file='numbers.txt', action='write')
  do n = 1, 1000
    write (10, *) n
  end do
  close (10)
  open (10, file='numbers.txt', action='read')
  total = 0
  do
    read (10, *, iostat=status) value
    if (status /= 0) exit
    total = total + value
  end do
  close (10, status='delete')
  print '(i0)', total
end program
