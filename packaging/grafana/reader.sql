-- The database user that Grafana reads as: it may SELECT in one schema, and nothing else. Run by psql as a superuser or as
-- one who may make roles, in the database of the readings:
--
--   psql --dbname smartmeter --set schema=public --set owner=smartmeter --set reader=grafana --file reader.sql
--
-- Then give it a password, which is asked for:  psql --dbname smartmeter --command '\password grafana'
-- It may be run again. What `owner` makes later, such as roll-ups of a new table, is readable at once.
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I LOGIN', :'reader')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'reader')
\gexec

ALTER ROLE :"reader" SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA :"schema" TO :"reader";
GRANT SELECT ON ALL TABLES IN SCHEMA :"schema" TO :"reader";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"schema" GRANT SELECT ON TABLES TO :"reader";
