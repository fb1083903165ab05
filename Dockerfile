# apprehend with the pinned versions; models run on the processor unless TORCH_INDEX says otherwise.
#
#   docker build -t apprehend .                                      # with models
#   docker build -t apprehend --build-arg EXTRA=report .             # without torch and lm-eval
#   docker build -t apprehend --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
#   docker run --rm -v "$PWD:/work" apprehend demo
FROM python:3.12-slim AS wheel
COPY . /source
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
ARG EXTRA=hf
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY --from=wheel /wheels /wheels
COPY constraints.txt /wheels/
RUN if [ "$EXTRA" != report ]; then \
        python -m pip install --no-cache-dir --constraint /wheels/constraints.txt \
            --extra-index-url "$TORCH_INDEX" torch; \
    fi \
    && python -m pip install --no-cache-dir --constraint /wheels/constraints.txt \
        "$(ls /wheels/apprehend-*.whl)[$EXTRA]" \
    && useradd --create-home user
USER user
WORKDIR /work
ENTRYPOINT ["apprehend"]
CMD ["--help"]
