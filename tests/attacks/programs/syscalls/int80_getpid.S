/* Calls the kernel by int 0x80, whose numbers are those of another architecture: 20 is getpid there, writev here.
 *
 * id: S71
 * contained: the filter looks at the architecture first; any but the native one is a violation
 * expect: VIOLATION syscall=getpid arch=x86
 * or: VIOLATION syscall=#20 arch=x86 -- whoever decodes it may know no names of the other architecture
 * machine: x86_64
 */
	.section .note.GNU-stack, "", @progbits
	.text
	.globl _start
_start:
	mov	$20, %eax
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
