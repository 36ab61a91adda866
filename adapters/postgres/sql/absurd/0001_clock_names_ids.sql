-- What everything else stands on: the clock, the rule for queue names, and ids that sort by time.
-- This folder is a schema compatible with Absurd (Apache-2.0), written from a description of its interface. Apply the numbered files
-- in order, each is one transaction; the last one makes absurd.get_schema_version(), so its absence means an unfinished installation.
-- Names callers may use are in schema "absurd"; what only these functions need is in schema "chiron".
-- Needs PostgreSQL 13 or newer and no extension.
begin;

-- Two processes that install at the same time must not meet halfway.
select pg_advisory_xact_lock(hashtext('absurd schema'));

create schema if not exists absurd;
create schema if not exists chiron;

-- The only source of time. A session that sets absurd.fake_now drives every function by it.
create or replace function absurd.current_time() returns timestamptz
language plpgsql volatile as $$
declare
  pinned text := current_setting('absurd.fake_now', true);
begin
  if pinned is null or pinned = '' then
    return clock_timestamp();
  end if;
  return pinned::timestamptz;
end $$;

-- 57 bytes: an identifier has 63, of which "t_" and an index suffix such as "_sai" take six.
create or replace function absurd.validate_queue_name(p_queue_name text) returns text
language plpgsql immutable as $$
begin
  if p_queue_name is null or p_queue_name = '' then
    raise exception 'queue name must not be empty';
  end if;
  if octet_length(convert_to(p_queue_name, 'UTF8')) > 57 then
    raise exception 'queue name "%" is too long: % bytes, at most 57', p_queue_name, octet_length(convert_to(p_queue_name, 'UTF8'));
  end if;
  return p_queue_name;
end $$;

-- 48 bits of milliseconds, then random bits. Where the server makes such ids itself (18 and later) it does, and then they follow the
-- real clock. Two ids of one millisecond have no order.
create or replace function absurd.portable_uuidv7() returns uuid
language plpgsql volatile as $$
declare
  at_ms bigint;
  noise text;
begin
  if current_setting('server_version_num')::integer >= 180000 then
    return uuidv7();
  end if;
  at_ms := floor(extract(epoch from absurd.current_time()) * 1000);
  noise := replace(gen_random_uuid()::text, '-', '');
  -- A random uuid already carries the variant bits; only the time and the version digit are put over it.
  return (lpad(to_hex(at_ms), 12, '0') || '7' || substr(noise, 14))::uuid;
end $$;

create or replace function absurd.uuidv7_timestamp(p_id uuid) returns timestamptz
language sql immutable strict as $$
  select to_timestamp(('x' || lpad(left(replace(p_id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0)
$$;

-- The smallest id of a millisecond: a bound for ranges.
create or replace function absurd.uuidv7_floor(p_ts timestamptz) returns uuid
language sql immutable strict as $$
  select (lpad(to_hex(greatest(floor(extract(epoch from p_ts) * 1000), 0)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

-- Monday 00:00 UTC of a moment's ISO week.
create or replace function absurd.week_bucket_utc(p_ts timestamptz) returns timestamptz
language sql immutable strict as $$
  select date_trunc('week', p_ts at time zone 'UTC') at time zone 'UTC'
$$;

-- Last digit of the ISO year and two digits of the week: repeats every ten years.
create or replace function absurd.partition_week_tag(p_ts timestamptz) returns text
language sql immutable strict as $$
  select right(to_char(p_ts at time zone 'UTC', 'IYYY'), 1) || to_char(p_ts at time zone 'UTC', 'IW')
$$;

commit;
