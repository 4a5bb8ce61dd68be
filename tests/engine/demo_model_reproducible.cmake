execute_process(COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1
                        ${PYTHON} ${SCRIPT} ${OUT}
                COMMAND_ERROR_IS_FATAL ANY)
foreach(name config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json)
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${DEMO}/model/${name} ${OUT}/${name}
                    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
