-- Reserves amounts of pages, of all or of none.
--
-- KEYS: a page for each amount. ARGV: session; how long it reserves things; d; for each the limit and the
-- amount, as q and r, and how long the page is kept.
-- Gives whether that is done; and of each page what is settled, and what is reserved, as q and r.

local session, lapses, d = ARGV[1], now + tonumber(ARGV[2]), tonumber(ARGV[3])
local pages, all, fits = {}, {}, 1
for i, key in ipairs(KEYS) do
  local at = 5 * i - 1
  pages[key] = pages[key] or read(key, session, d)
  local page = pages[key]
  local it = { page = page, q = tonumber(ARGV[at + 2]), r = tonumber(ARGV[at + 3]), kept = ARGV[at + 4] }
  -- What one page is asked for twice has to be there twice.
  page.asked = page.asked or { 0, 0 }
  page.asked[1], page.asked[2] = add(page.asked[1], page.asked[2], it.q, it.r, d)
  local q, r = reserved(page)
  q, r = add(q, r, page.settled[1], page.settled[2], d)
  q, r = add(q, r, page.asked[1], page.asked[2], d)
  if is_more(q, r, tonumber(ARGV[at]), tonumber(ARGV[at + 1])) then
    fits = 0
  end
  all[i] = it
end
local answer = { fits }
for _, it in ipairs(all) do
  local q, r = reserved(it.page)
  for _, number in ipairs({ it.page.settled[1], it.page.settled[2], q, r }) do
    table.insert(answer, number)
  end
end
if fits == 1 then
  for _, it in ipairs(all) do
    reserve(it.page, it.q, it.r, lapses)
    write(it.page, session, it.kept)
  end
end
return answer
