# One line a parser of foreign bytes.
