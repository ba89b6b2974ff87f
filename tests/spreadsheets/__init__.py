"""Tests of the reader of CSV and XLSX."""
