"""Takes too much memory for large numbers."""

a, b = map(int, input().split())
numbers = list(range(a, b + 1))
print(sum(numbers))
