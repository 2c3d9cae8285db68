/* language: assembler, static, without a C library
 * package: gcc
 * needs: cc
 * machine: x86_64
 * compile: cc -static -nostdlib -no-pie -o program assembler.S
 * run: ./program
 */
	.section .note.GNU-stack, "", @progbits
	.text
	.globl _start
_start:
	mov	$1, %eax
	mov	$1, %edi
	lea	hello(%rip), %rsi
	mov	$13, %edx
	syscall
	/* the sieve: r12 counts, r13 adds up */
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	mov	$2, %ebx
next:	cmp	$100000, %ebx
	jge	primes
	cmpb	$0, composite(%rbx)
	jne	skip
	inc	%r12
	add	%rbx, %r13
	mov	%rbx, %rcx
	imul	%rbx, %rcx
mark:	cmp	$100000, %rcx
	jge	skip
	movb	$1, composite(%rcx)
	add	%rbx, %rcx
	jmp	mark
skip:	inc	%ebx
	jmp	next
primes:	mov	%r12, %rax
	mov	$' ', %cl
	call	print
	mov	%r13, %rax
	mov	$'\n', %cl
	call	print
	/* a file of 1000 words of 8 bytes, written and read back */
	mov	$2, %eax
	lea	name(%rip), %rdi
	mov	$0102, %esi
	mov	$0600, %edx
	syscall
	mov	%eax, %r14d
	mov	$1, %ebx
fill:	mov	%rbx, numbers-8(, %rbx, 8)
	inc	%ebx
	cmp	$1000, %ebx
	jle	fill
	mov	$1, %eax
	mov	%r14d, %edi
	lea	numbers(%rip), %rsi
	mov	$8000, %edx
	syscall
	mov	$8, %eax
	mov	%r14d, %edi
	xor	%esi, %esi
	xor	%edx, %edx
	syscall
	xor	%eax, %eax
	mov	%r14d, %edi
	lea	again(%rip), %rsi
	mov	$8000, %edx
	syscall
	xor	%eax, %eax
	mov	$1000, %ebx
sum:	add	again-8(, %rbx, 8), %rax
	dec	%ebx
	jnz	sum
	mov	$'\n', %cl
	call	print
	mov	$231, %eax
	xor	%edi, %edi
	syscall

/* print rax in decimal, and the character cl */
print:	lea	text_end(%rip), %rsi
	dec	%rsi
	mov	%cl, (%rsi)
	mov	$10, %r8d
digit:	xor	%edx, %edx
	div	%r8
	add	$'0', %dl
	dec	%rsi
	mov	%dl, (%rsi)
	test	%rax, %rax
	jnz	digit
	lea	text_end(%rip), %rdx
	sub	%rsi, %rdx
	mov	$1, %eax
	mov	$1, %edi
	syscall
	ret
	.section .rodata
hello:	.ascii	"hello, world\n"
name:	.asciz	"numbers.bin"
	.bss
	.lcomm	composite, 100000
	.lcomm	numbers, 8000
	.lcomm	again, 8000
text:	.skip	32
text_end:
	.skip	1
