-- Reads pieces of an answer, and says that somebody does.
--
-- ARGV: prefix; answer; instance; how many pieces have been read; most pieces.
-- Gives whether there may be more to come, and the pieces.

local instance, from = ARGV[3], tonumber(ARGV[4])
local is_made, state = is_made_by(instance)
local lapses = redis.call('ZSCORE', running, id)
if is_made then
  redis.call('HSET', answer_of(id), 'r', string.format('%.0f', now))
end
local is_running = is_made and state == 'running' and lapses and tonumber(lapses) > now
local pieces = redis.call('LRANGE', pieces_of(instance), from, from + tonumber(ARGV[5]) - 1)
return { is_running and 1 or 0, pieces }
