"""Too slow for large numbers."""

a, b = map(int, input().split())
total = 0
for number in range(a, b + 1):
    total += number
print(total)
