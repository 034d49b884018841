-- What the operator has paid others for somebody's finished jobs.

-- Millionths of a US dollar; what people pay with accounts of their own is not in it.
ALTER TABLE usage_daily ADD COLUMN provider_cost_micros BIGINT NOT NULL DEFAULT 0;
