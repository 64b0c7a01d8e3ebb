-- As before, but each text is looked at once.
CREATE OR REPLACE FUNCTION customers_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  is_trimmed boolean;
  fields text[];
BEGIN
  SELECT coalesce(bool_and(value IS NOT DISTINCT FROM said), true), coalesce(array_agg(field) FILTER (WHERE said IS NOT NULL), '{}')
  INTO is_trimmed, fields
  FROM (SELECT field, value, customers_said(value) AS said FROM unnest(
    ARRAY['email', 'phone_number', 'first_name', 'last_name', 'address1', 'address2', 'city', 'region', 'zip', 'country'],
    ARRAY[NEW.email, NEW.phone_number, NEW.first_name, NEW.last_name, NEW.address1, NEW.address2, NEW.city, NEW.region, NEW.zip, NEW.country]
  ) AS given(field, value) WHERE value IS NOT NULL OFFSET 0) AS texts;
  NEW.warnings := '[]';
  IF NOT is_trimmed THEN
    NEW.warnings := customers_unsaid_warnings(NEW);
    NEW := customers_trimmed(NEW, NULL);
  END IF;
  IF NEW.metadata <> '{}' AND jsonb_typeof(NEW.metadata) = 'object' THEN
    fields := fields || ARRAY(SELECT 'metadata.' || key FROM jsonb_object_keys(NEW.metadata) AS key);
  END IF;
  NEW.known_at := least(coalesce(NEW.known_at, now()), now());
  PERFORM set_config('storefeed.customer_said', jsonb_build_object(
    'id', NEW.id, 'at', NEW.known_at, 'fields', fields, 'warnings', NEW.warnings)::text, true);
  IF NEW.email IS NOT NULL AND NOT customers_usable('email', NEW.email)
    OR NEW.phone_number IS NOT NULL AND NOT customers_usable('phone_number', NEW.phone_number) THEN
    DECLARE
      said jsonb := customers_facts(NEW);
    BEGIN
      IF customers_holds_unusable(NEW) THEN
        NEW.email := NULL;
      END IF;
      NEW.warnings := NEW.warnings || customers_unusable_warnings(said, NEW);
    END;
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
-- As before, but a customer of whom the same is said again, as most customers of a file of orders are, costs little.
CREATE OR REPLACE FUNCTION customers_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  inserted jsonb := nullif(current_setting('storefeed.customer_said', true), '')::jsonb;
  known jsonb;
  said jsonb;
  warned jsonb;
  at timestamptz;
BEGIN
  -- What is known already is only known to be true at another time.
  IF inserted ->> 'id' = OLD.id AND OLD.metadata @> NEW.metadata
    AND (coalesce(NEW.email, OLD.email), coalesce(NEW.phone_number, OLD.phone_number), coalesce(NEW.first_name, OLD.first_name),
      coalesce(NEW.last_name, OLD.last_name), coalesce(NEW.address1, OLD.address1), coalesce(NEW.address2, OLD.address2),
      coalesce(NEW.city, OLD.city), coalesce(NEW.region, OLD.region), coalesce(NEW.zip, OLD.zip), coalesce(NEW.country, OLD.country))
    IS NOT DISTINCT FROM (OLD.email, OLD.phone_number, OLD.first_name, OLD.last_name, OLD.address1, OLD.address2, OLD.city,
      OLD.region, OLD.zip, OLD.country)
    AND (OLD.email IS NULL OR customers_usable('email', OLD.email))
    AND (OLD.phone_number IS NULL OR customers_usable('phone_number', OLD.phone_number))
  THEN
    at := inserted ->> 'at';
    -- All fields are of one time, and either all are said again or none is newer: that stays so.
    IF OLD.field_times <> '{}' OR at > OLD.known_at AND (NEW.email, NEW.phone_number, NEW.first_name, NEW.last_name,
        NEW.address1, NEW.address2, NEW.city, NEW.region, NEW.zip, NEW.country, NEW.metadata)
      IS DISTINCT FROM (OLD.email, OLD.phone_number, OLD.first_name, OLD.last_name,
        OLD.address1, OLD.address2, OLD.city, OLD.region, OLD.zip, OLD.country, OLD.metadata)
    THEN
      NEW.field_times := customers_times_said(OLD, NEW, inserted -> 'fields', extract(epoch FROM at));
    END IF;
    NEW.email := OLD.email;
    NEW.phone_number := OLD.phone_number;
    NEW.first_name := OLD.first_name;
    NEW.last_name := OLD.last_name;
    NEW.address1 := OLD.address1;
    NEW.address2 := OLD.address2;
    NEW.city := OLD.city;
    NEW.region := OLD.region;
    NEW.zip := OLD.zip;
    NEW.country := OLD.country;
    NEW.metadata := OLD.metadata;
    NEW.known_at := greatest(OLD.known_at, at);
    NEW.warnings := inserted -> 'warnings';
    RETURN NEW;
  END IF;
  known := customers_facts(OLD);
  IF inserted ->> 'id' = OLD.id THEN
    at := inserted ->> 'at';
    warned := inserted -> 'warnings';
  ELSE
    inserted := NULL;
    at := greatest(now(), OLD.known_at);
    warned := customers_unsaid_warnings(NEW);
  END IF;
  NEW := customers_trimmed(NEW, OLD);
  NEW.field_times := '{}';
  said := (
    SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(fact -> 0, extract(epoch FROM at))), '{}')
    FROM jsonb_each(customers_facts(NEW)) AS f(field, fact)
    WHERE fact -> 0 IS DISTINCT FROM known -> field -> 0
      OR CASE WHEN inserted IS NULL THEN NEW.known_at <> OLD.known_at ELSE inserted -> 'fields' ? field END
  );
  IF inserted IS NULL THEN
    said := said || (
      SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(NULL, extract(epoch FROM at))), '{}')
      FROM jsonb_each(known) AS f(field, fact)
      WHERE fact -> 0 <> 'null' AND NOT customers_facts(NEW) ? field
    );
  END IF;
  NEW := customers_with_facts(NEW, customers_newest(known, said));
  IF customers_holds_unusable(NEW) THEN
    NEW.email := OLD.email;
  END IF;
  NEW.known_at := greatest(OLD.known_at, at);
  NEW.warnings := warned || customers_unusable_warnings(said, NEW);
  RETURN NEW;
END $$;
