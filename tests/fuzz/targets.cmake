# One line a parser of foreign bytes.
weir_fuzz(config_yaml LIBS weir_config)
weir_fuzz(request_head LIBS weir_server)
weir_fuzz(chunked LIBS weir_server)
weir_fuzz(safetensors LIBS weir_engine)
weir_fuzz(sse LIBS weir_upstream)
weir_fuzz(upstream_event LIBS weir_upstream simdjson::simdjson)
weir_fuzz(tokenizer_json LIBS weir_engine)
weir_fuzz(chat_request LIBS weir_api)
