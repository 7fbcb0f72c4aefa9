-- Says what is settled.
--
-- KEYS: pages. ARGV: d. Gives of each page q and r.

local answer = {}
for _, key in ipairs(KEYS) do
  local page = read(key, '', tonumber(ARGV[1]))
  table.insert(answer, page.settled[1])
  table.insert(answer, page.settled[2])
end
return answer
