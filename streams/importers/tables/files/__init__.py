"""Turns an export's bytes into lines of cells: text or workbook, packed or not, bounded."""
