# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Redis does in one step for :mod:`celeryops_agent.reliable_redis`."""

from __future__ import annotations

#: Take the next message and note it as kombu's QoS.append does: ``[message, exchange, routing key]``.
#: The message's own text is kept, for cjson would change it (an empty list into an object).
#: KEYS: unacked, unacked_index, holders, unreadable, the lists in the order to look into.
#: ARGV: the time, and who takes. Returns the number of the list, the text, and 1 where it is noted.
TAKE = """
for i = 5, #KEYS do
  local text = redis.call('RPOP', KEYS[i])
  if text then
    local read, message = pcall(cjson.decode, text)
    local properties = read and type(message) == 'table' and message.properties
    local tag = type(properties) == 'table' and properties.delivery_tag
    if type(tag) ~= 'string' then
      redis.call('LPUSH', KEYS[4], text)
      return {i - 5, text, 0}
    end
    local info = type(properties.delivery_info) == 'table' and properties.delivery_info or {}
    local note = '[' .. text .. ', ' .. cjson.encode(info.exchange or '') .. ', '
      .. cjson.encode(info.routing_key or '') .. ']'
    redis.call('ZADD', KEYS[2], ARGV[1], tag)
    redis.call('HSET', KEYS[1], tag, note)
    redis.call('HSET', KEYS[3], tag, ARGV[2])
    return {i - 5, text, 1}
  end
end
return false
"""

#: Put a message back, where it is still held by whom it was seen with.
#: KEYS: unacked, unacked_index, holders, and the lists to put it into. ARGV: its tag, who held it, its note
#: as it was read, and its text for the lists.
PUT_BACK = """
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[3], ARGV[1])
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
for i = 4, #KEYS do redis.call('RPUSH', KEYS[i], ARGV[4]) end
return 1
"""
