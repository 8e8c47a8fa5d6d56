# The image of a node, for the CPU or, with `--build-arg VARIANT=cuda`, for NVIDIA cards on x64:
#
#   docker build -t troupe:0.1.0 .
#   docker build -t troupe:0.1.0-cuda --build-arg VARIANT=cuda .
#
# `npm run image:rehearse` does the same steps in a folder, without an engine, and runs what comes of them.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04
ARG VARIANT=cpu

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
RUN npm ci --omit=dev
RUN node scripts/prune-image.ts

FROM build AS build-cpu

# The CUDA provider is no part of the package; its install step fetches it, some 300 MB.
FROM build AS build-cuda
RUN node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12

FROM ${NODE_IMAGE} AS runtime-cpu

FROM ${CUDA_IMAGE} AS runtime-cuda
COPY --from=build /usr/local/bin/node /usr/local/bin/node

FROM build-${VARIANT} AS tree

FROM runtime-${VARIANT}
ENV NODE_ENV=production HOME=/tmp TROUPE_DATA_DIR=/tmp/troupe
WORKDIR /etc/troupe
COPY --from=tree /app/package.json /app/package.json
COPY --from=tree /app/bin /app/bin
COPY --from=tree /app/dist /app/dist
COPY --from=tree /app/models /app/models
COPY --from=tree /app/node_modules /app/node_modules
# Nobody: the files are root's, so the process can change none of them, and the root file system may be read-only.
USER 65532:65532
EXPOSE 9464
ENTRYPOINT ["node", "/app/bin/troupe.js"]
CMD ["up"]
