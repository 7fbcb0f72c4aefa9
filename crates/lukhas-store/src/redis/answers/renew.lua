-- Goes on making answers.
--
-- ARGV: prefix; ''; how long a claim lasts now; how long an answer is kept; then each answer and its
-- instance.

local lease, ttl = tonumber(ARGV[3]), tonumber(ARGV[4])
for i = 5, #ARGV, 2 do
  local name, instance = answer_of(ARGV[i]), ARGV[i + 1]
  local lapses = redis.call('ZSCORE', running, ARGV[i])
  if lapses and redis.call('HGET', name, 'i') == instance then
    redis.call('ZADD', running, string.format('%.0f', now + lease), ARGV[i])
    redis.call('PEXPIRE', name, millis(3 * lease))
    redis.call('PEXPIRE', pieces_of(instance), millis(3 * lease))
  end
end
keep_index(ttl, lease)
