"""What every lecture has in common: its frame, its editions, its slides, its place in the table.

``source`` reads a lecture's .py file, ``parts`` writes what is the same in all of them (navigation,
badges, the install cell), ``run`` executes one, ``editions`` makes those for students and teachers,
``slides`` the decks, and ``coverage`` looks up where each sentence of the lectures is.
"""
