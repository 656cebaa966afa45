--- What the orchestrator tells Prometheus.

local SECONDS = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800 }

return {
  { name = "prov_jobs_submitted_total", kind = "counter", help = "Jobs taken." },
  { name = "prov_jobs_ended_total", kind = "counter", help = "Jobs ended, by state.", labels = { "state" },
    known = { "canceled", "dead", "done", "failed" } },
  { name = "prov_jobs_retried_total", kind = "counter", help = "Attempts that failed for a passing reason." },
  { name = "prov_jobs_interrupted_total", kind = "counter", help = "Jobs whose worker ended while they ran." },
  { name = "prov_jobs_running", kind = "gauge", help = "Jobs running now." },
  { name = "prov_jobs_waiting", kind = "gauge", help = "Jobs waiting for their turn." },
  { name = "prov_jobs_delayed", kind = "gauge", help = "Jobs waiting for their time." },
  { name = "prov_calls_running", kind = "gauge", help = "Reading operations running now." },
  { name = "prov_calls_total", kind = "counter", help = "Reading operations run." },
  { name = "prov_job_wait_seconds", kind = "histogram", help = "From submission, or its time, to the beginning.",
    buckets = SECONDS },
  { name = "prov_job_run_seconds", kind = "histogram", help = "From the beginning to the end.", buckets = SECONDS },
  { name = "prov_store_commit_errors_total", kind = "counter", help = "Writes of the store that failed." },
  { name = "prov_workers", kind = "gauge", help = "Worker processes." },
  { name = "prov_worker_restarts_total", kind = "counter", help = "Workers that ended without being asked to." },
  { name = "prov_worker_resident_bytes", kind = "gauge", help = "Memory of the workers." },
  { name = "prov_resident_bytes", kind = "gauge", help = "Memory of the orchestrator." },
  { name = "prov_uptime_seconds", kind = "gauge", help = "Since the orchestrator began." },
  { name = "prov_http_requests_total", kind = "counter", help = "HTTP requests answered.",
    labels = { "method", "status" } },
  { name = "prov_http_connections", kind = "gauge", help = "Open HTTP connections." },
}
