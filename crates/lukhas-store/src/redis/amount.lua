-- Amounts as two whole numbers, `q` and `r` of `d` parts of one, so that nothing is rounded: Lua's numbers
-- are exact to 2^53.

local LARGEST = 9007199254740991

local function add(q, r, more_q, more_r, d)
  q, r = q + more_q, r + more_r
  if r >= d then q, r = q + 1, r - d end
  if q > LARGEST then return LARGEST, 0 end
  return q, r
end

-- Never below nothing.
local function subtract(q, r, less_q, less_r, d)
  q, r = q - less_q, r - less_r
  if r < 0 then q, r = q - 1, r + d end
  if q < 0 then return 0, 0 end
  return q, r
end

local function is_more(q, r, than_q, than_r)
  return q > than_q or (q == than_q and r > than_r)
end

