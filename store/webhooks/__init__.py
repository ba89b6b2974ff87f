"""Webhook endpoints, their deliveries, and the events behind them."""
