/* Mounts by int 0x80: 21 is mount there, and access here, which everybody may call.
 *
 * id: S72
 * contained: the filter looks at the architecture first; any but the native one is a violation
 * expect: VIOLATION syscall=mount arch=x86
 * or: VIOLATION syscall=#21 arch=x86 -- whoever decodes it may know no names of the other architecture
 * machine: x86_64
 */
	.section .note.GNU-stack, "", @progbits
	.text
	.globl _start
_start:
	mov	$21, %eax
	lea	tmpfs(%rip), %ebx
	lea	dot(%rip), %ecx
	lea	tmpfs(%rip), %edx
	xor	%esi, %esi
	xor	%edi, %edi
	int	$0x80
	mov	$1, %eax
	mov	$1, %edi
	lea	word(%rip), %rsi
	mov	$7, %edx
	syscall
	mov	$60, %eax
	xor	%edi, %edi
	syscall
	.section .rodata
word:	.ascii	"CANARY\n"
tmpfs:	.asciz	"tmpfs"
dot:	.asciz	"."
