"""The words of exports, as data: names of columns, outcomes, months, marks of nothing."""
