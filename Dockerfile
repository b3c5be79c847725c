# One image, for `docker run` and for Modal. Debian, because Modal adds its Python to a system with glibc.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

# The page, and the packages that the server needs when it runs.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package needs its install script here: Node is in the image.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY web web
# A third of what is left are types and maps, which nobody reads here.
RUN npm run build && npm prune --omit=dev --ignore-scripts \
  && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Maya" \
      org.opencontainers.image.description="A conversational agent server that keeps every session safe inside a container's fixed memory." \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    NODE_COMPILE_CACHE=/app/.compile-cache
WORKDIR /app
# The server can write these two folders, and nothing else.
RUN install -d -o node -g node data .compile-cache
COPY package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/web/dist web/dist
COPY src src
# What is loaded at a start is compiled once, here. The cache is one user's: Modal runs the image as root.
RUN node src/warm-start.ts
USER node
RUN node src/warm-start.ts
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# By itself Node's heap takes half of the container at most, and the sessions that are admitted may take more.
CMD ["node", "--max-old-space-size-percentage=87.5", "src/main.ts"]
