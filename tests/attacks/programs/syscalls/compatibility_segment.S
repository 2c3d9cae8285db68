/* Jumps into 32-bit code by a far return to segment 0x23, and calls the kernel from there.
 *
 * id: S74
 * contained: the kernel tells the filter the architecture of the call, whatever the program was made for
 * expect: VIOLATION syscall=getpid arch=x86
 * or: VIOLATION syscall=#20 arch=x86 -- whoever decodes it may know no names of the other architecture
 * machine: x86_64
 */
	.section .note.GNU-stack, "", @progbits
	.text
	.globl _start
_start:
	lea	stack_end(%rip), %rsp
	pushq	$0x23
	lea	narrow(%rip), %rax
	push	%rax
	lretq
	.code32
narrow:
	mov	$20, %eax
	int	$0x80
	mov	$4, %eax
	mov	$1, %ebx
	mov	$word, %ecx
	mov	$7, %edx
	int	$0x80
	mov	$1, %eax
	xor	%ebx, %ebx
	int	$0x80
	.code64
	.section .rodata
word:	.ascii	"CANARY\n"
	.bss
	.skip	4096
stack_end:
	.skip	16
