-- Ends an answer.
--
-- ARGV: prefix; answer; instance; how: 'done' (it is whole), 'forgotten' (it is whole, for those who read
-- it), 'lost' (it is given up) or 'deserted' (it is given up, unless somebody reads it); how long it is
-- kept; how long its pieces are, for those who still read them; how many pieces there are; within what time
-- somebody elsewhere must have read of it to be there; how long a claim lasts.
-- Gives 'kept'; 'gone'; 'read', if it is not deserted, and nothing has changed; or 'lost', if it was another's.

local instance, how = ARGV[3], ARGV[4]
local is_made, state = is_made_by(instance)
if not is_made then
  return 'lost'
end
local pieces = pieces_of(instance)
if how == 'deserted' then
  local read = redis.call('HGET', answer_of(id), 'r')
  if read and tonumber(read) > now - tonumber(ARGV[8]) then
    return 'read'
  end
  -- What an answer cost has been spent that is too large to be given again: its key is not free.
  how = state == 'large' and 'done' or 'lost'
elseif how == 'done' and state == 'running' and redis.call('LLEN', pieces) ~= tonumber(ARGV[7]) then
  how = 'lost'
end
if how ~= 'done' then
  local somebody_reads = redis.call('HEXISTS', answer_of(id), 'r') == 1
  if somebody_reads then
    redis.call('RPUSH', pieces, how == 'forgotten' and 'e' or 'x')
    redis.call('PEXPIRE', pieces, millis(tonumber(ARGV[6])))
  end
  forget(id, somebody_reads)
  return 'gone'
end
local lasts = millis(tonumber(ARGV[5]))
if state == 'large' then
  redis.call('DEL', pieces)
else
  redis.call('RPUSH', pieces, 'e')
  redis.call('PEXPIRE', pieces, lasts)
  redis.call('HSET', answer_of(id), 's', 'done')
end
redis.call('PEXPIRE', answer_of(id), lasts)
redis.call('ZREM', running, id)
redis.call('ZADD', ended, string.format('%.0f', now), id)
keep_index(tonumber(ARGV[5]), tonumber(ARGV[9]))
return 'kept'
