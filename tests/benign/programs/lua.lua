-- language: Lua
-- package: lua5.4
-- needs: lua5.4
-- run: lua5.4 lua.lua
print("hello, world")
local composite, count, sum = {}, 0, 0
for n = 2, 99999 do
  if not composite[n] then
    count, sum = count + 1, sum + n
    for m = n * n, 99999, n do composite[m] = true end
  end
end
print(count .. " " .. sum)
local file = assert(io.open("numbers.txt", "w"))
for n = 1, 1000 do file:write(n, "\n") end
file:close()
local total = 0
for line in io.lines("numbers.txt") do total = total + math.tointeger(line) end
print(total)
