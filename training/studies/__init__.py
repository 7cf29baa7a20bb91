"""Every model beside each other, over seeds and data sets: resumable, one cell at a time."""
