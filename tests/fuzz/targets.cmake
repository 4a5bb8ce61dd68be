# One line a parser of foreign bytes.
weir_fuzz(config_yaml LIBS weir_config)
