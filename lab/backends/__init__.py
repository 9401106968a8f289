"""Labs behind one protocol: `base` promises, each other module keeps the promise for one kind of lab."""
