"""Right: halves the range with each guess."""

low, high = 1, 1000
answer = ""
while answer != "right":
    middle = (low + high) // 2
    print(middle, flush=True)
    answer = input()
    if answer == "more":
        low = middle + 1
    else:
        high = middle - 1
